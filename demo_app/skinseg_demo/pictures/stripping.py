"""From a received picture to the bytes that are kept: the same pixels, and nothing that tells where or with what.

The browser is not trusted to have done it, and an "original" is kept for years.
"""

from collections.abc import Callable
from dataclasses import dataclass

from skinseg_demo.pictures.receiving import ReceivedPicture
from skinseg_demo.pictures.stripped_jpeg import strip_jpeg
from skinseg_demo.pictures.stripped_png import strip_png
from skinseg_demo.pictures.stripped_webp import strip_webp
from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_header import PictureFormat, check_whole, read_header

__all__ = ["Stripped", "strip"]

_STRIP: dict[PictureFormat, tuple[str, Callable[[bytes], bytes]]] = {
    "JPEG": ("jpg", strip_jpeg),
    "PNG": ("png", strip_png),
    "WebP": ("webp", strip_webp),
}


@dataclass(frozen=True)
class Stripped:
    """What is left.

    *data*: the bytes to decode. *extension*: of the file. *is_kept*: False where a PNG of the pixels is kept
    instead, because nobody can say what else a TIFF or BMP holds.
    """

    data: bytes
    extension: str
    is_kept: bool


def strip(received: ReceivedPicture) -> Stripped:
    """Strip a picture, losslessly.

    Raises PictureUnreadable if what is left is not the same picture, so that no pixel is lost unnoticed.
    """
    if received.header.format not in _STRIP:
        return Stripped(received.data, "png", is_kept=False)
    extension, strip_format = _STRIP[received.header.format]
    data = strip_format(received.data)
    check_whole(data)
    if read_header(data) != received.header:
        raise PictureUnreadable(
            f"cannot keep the picture: this {received.header.format} file is put together in a way that hides what it "
            "says beside its pixels; take it again with the phone's own camera"
        )
    return Stripped(data, extension, is_kept=True)
