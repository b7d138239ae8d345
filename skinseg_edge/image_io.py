"""The one picture decoder: a path or bytes become upright RGB pixels, or one sentence that says why not.

The header is read first, by `picture_header`, so the limit on pixels holds before any memory is spent on them, and a
file that was cut off is refused although decoders would paint grey. What is decided here, once:

- Transparency is laid over white, which is what whoever looked at the picture saw; in a mask, over background.
- 16-bit levels are scaled to 8 bits, round(v / 257): the whole range is kept, nothing is stretched.
- CMYK inks become RGB by (1 - ink) (1 - black); colour profiles are ignored.
- Of several pages (TIFF) or frames (PNG) the first is taken; an animated WebP is refused.
- The EXIF orientation is applied exactly once, here, and never by OpenCV. A DICOM picture is upright as it is stored.

What cannot be told from outside: bytes changed in the middle of a JPEG, WebP, BMP or of a TIFF without deflate, which
carry no checksum. For such a JPEG libjpeg itself prints "Corrupt JPEG data" on stderr and decodes what it can.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import FileMissing, PictureTooLarge, PictureUnreadable
from skinseg_edge.exif_orientation import upright
from skinseg_edge.picture_formats import png
from skinseg_edge.picture_header import PictureFormat, PictureHeader, check_whole, read_header
from skinseg_edge.pixel_decoding import REDUCTIONS, Reduction, reduced_hw, stored_numbers, stored_pixels

__all__ = [
    "MAX_PIXELS",
    "Picture",
    "PictureBytes",
    "Reduction",
    "decode",
    "decode_mask",
    "decode_numbers",
    "encode_png",
    "has_palette",
    "read_header",
    "read_picture",
    "write_png",
]

MAX_PIXELS = 60_000_000
"""Default limit: above every phone and dermatoscope of 2025 in its usual mode, and 180 MB once decoded."""

# 16-bit RGBA takes 8 bytes a pixel without compression; the rest is room for metadata and thumbnails.
_BYTES_A_PIXEL, _BYTES_BESIDE_PIXELS = 8, 64 * 1024 * 1024


class PictureBytes(bytes):
    """The bytes of a picture file; *name*: its path, which errors tell."""

    name = "the picture"


@dataclass(frozen=True)
class Picture:
    """A decoded photo.

    *pixels*: (H, W, 3) uint8 RGB, upright, perhaps reduced. *full_hw*: rows and columns of the whole upright photo,
    px. *orientation*: the EXIF orientation (1 to 8) that was applied. *reduction*: the photo's side divided by that
    of *pixels*, rounded up.
    """

    pixels: NDArray[np.uint8]
    full_hw: tuple[int, int]
    format: PictureFormat
    orientation: int
    reduction: Reduction


def read_picture(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> PictureBytes:
    """Read a file once, for whoever hashes it and decodes it more than once; `decode` takes the result as bytes.

    Raises FileMissing if the path names nothing, PictureTooLarge if it has more bytes than a picture of *max_pixels*
    can need, PictureUnreadable if it is no file or cannot be read.
    """
    data, name = _bytes_of(path, max_pixels)
    picture = PictureBytes(data)
    picture.name = name
    return picture


def decode(
    source: str | Path | bytes, *, at_least_hw: tuple[int, int] | None = None, max_pixels: int = MAX_PIXELS
) -> Picture:
    """Decode a photo from a file or from its bytes.

    *at_least_hw*: the fewest rows and columns (upright, px) that the caller needs; a JPEG is then decoded at the
    smallest of 1/1, 1/2, 1/4, 1/8 that still has as many, which saves time and memory. None, or another format, means
    the whole photo. *max_pixels*: largest width x height that is accepted.

    Raises FileMissing if the path names nothing, PictureTooLarge if the header tells more than *max_pixels*,
    PictureUnreadable if it is no file, no picture, cut off or damaged.
    """
    data, name = _bytes_of(source, max_pixels)
    header = _accepted_header(data, name, max_pixels)
    reduction = _reduction(header, at_least_hw)
    stored = _stored(data, header, name, reduction)
    return Picture(upright(stored, header.orientation), header.upright_hw, header.format, header.orientation, reduction)


def decode_mask(source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.bool_]:
    """Decode a drawn mask: grey, upright, True from half the range on.

    A mask whose levels are only 0 and 1 is read as such. Returns (H, W) bool. Raises what `decode` raises, and
    PictureUnreadable if the picture is coloured or its levels are neither 0 and 1 nor reach 128: class numbers, say.
    """
    data, name = _bytes_of(source, max_pixels)
    header = _accepted_header(data, name, max_pixels)
    is_dicom = header.format == "DICOM"
    stored = _stored(data, header, name, 1) if is_dicom else stored_pixels(data, header, name, as_mask=True)
    levels = stored[:, :, 1]
    spread = int(np.max(stored.max(axis=2) - stored.min(axis=2)))
    if spread > 8:  # JPEG turns grey into colours a few levels apart
        raise PictureUnreadable(
            f"cannot read {name} as a mask: its channels are up to {spread} levels apart, expected a grey picture; "
            "save it as black and white"
        )
    top = int(levels.max())
    if 1 < top < 128:
        raise PictureUnreadable(
            f"cannot read {name} as a mask: its brightest level is {top}, expected 255 (or 1) for lesion; "
            "save it as black and white"
        )
    mask = levels >= 1 if top == 1 else levels >= 128
    return upright(mask.view(np.uint8), header.orientation).view(np.bool_)


def decode_numbers(source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint16]:
    """Decode a PNG whose pixels are numbers, such as classes: grey or palette, of any bit depth, upright, never scaled.

    Returns (H, W) uint16. Raises what `decode` raises, and PictureUnreadable if it is no PNG or a colour picture.
    """
    data, name = _bytes_of(source, max_pixels)
    header = _accepted_header(data, name, max_pixels)
    if header.format != "PNG":
        raise PictureUnreadable(
            f"cannot read {name} as a class map: it is a {header.format} file, expected a grey or palette PNG, "
            "which keeps every class number; save it as that"
        )
    return upright(stored_numbers(data, header, name), header.orientation)


def has_palette(path: str | Path) -> bool:
    """Tell whether a file is a PNG whose pixels are numbers of colours; False where nothing can be read."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(26)
    except (OSError, ValueError):  # ValueError: a path with a zero byte in it
        return False
    return len(head) == 26 and png.recognises(head) and png.has_palette(head)


def encode_png(pixels: NDArray[np.bool_ | np.uint8 | np.uint16]) -> bytes:
    """Encode as PNG, losslessly.

    *pixels*: (H, W) bool (True becomes 255), (H, W) uint8 or uint16 grey, or (H, W, 3) uint8 or uint16 RGB.

    Raises ValueError for any other array.
    """
    is_grey = pixels.ndim == 2
    is_photo = pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype != np.bool_
    if pixels.dtype not in (np.bool_, np.uint8, np.uint16) or not (is_grey or is_photo) or pixels.size == 0:
        raise ValueError(
            "a PNG is made of an (H, W) bool, uint8 or uint16 or an (H, W, 3) uint8 or uint16 array; "
            f"got {pixels.shape} {pixels.dtype}"
        )
    if pixels.dtype == np.bool_:
        levels = np.where(pixels, np.uint8(255), np.uint8(0))
    else:
        levels = pixels.astype(np.uint16 if pixels.dtype == np.uint16 else np.uint8, copy=False)
    _, encoded = cv2.imencode(".png", levels if is_grey else cv2.cvtColor(levels, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()


def write_png(path: str | Path, pixels: NDArray[np.bool_ | np.uint8 | np.uint16]) -> None:
    """Write `encode_png` of *pixels* to *path*, whole or not at all.

    Raises OutputRefused if the place cannot be written.
    """
    write_bytes_atomically(Path(path), encode_png(pixels))


def _bytes_of(source: str | Path | bytes, max_pixels: int) -> tuple[bytes, str]:
    """Return the file's bytes, and what errors call it."""
    if isinstance(source, bytes):
        return source, source.name if isinstance(source, PictureBytes) else PictureBytes.name
    path = Path(source)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise PictureUnreadable(f"cannot read {path}: it is {kind}, expected a picture file; name the file itself")
        limit = max_pixels * _BYTES_A_PIXEL + _BYTES_BESIDE_PIXELS
        if status.st_size > limit:
            raise PictureTooLarge(
                f"cannot read {path}: it has {status.st_size:,} bytes, more than a picture within the limit of "
                f"{max_pixels:,} pixels can need ({limit:,}); scale the picture down"
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise FileMissing(f"cannot read {path}: there is no such file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise PictureUnreadable(f"cannot read {path}: {reason}; check the path and its permissions") from error
    if len(data) < status.st_size:
        raise PictureUnreadable(
            f"cannot read {path}: it shrank from {status.st_size} to {len(data)} bytes while it was read; "
            "wait until it is written and try again"
        )
    return data, str(path)


def _accepted_header(data: bytes, name: str, max_pixels: int) -> PictureHeader:
    header = read_header(data, name)
    count = header.width * header.height
    if count > max_pixels:
        raise PictureTooLarge(
            f"cannot read {name}: its header says {header.width} x {header.height} = {count:,} pixels, "
            f"the limit is {max_pixels:,}; scale the picture down"
        )
    check_whole(data, name)
    return header


def _stored(data: bytes, header: PictureHeader, name: str, reduction: Reduction) -> NDArray[np.uint8]:
    if header.format != "DICOM":
        return stored_pixels(data, header, name, reduction=reduction)
    # Imported here: most who decode a photo never meet a DICOM file.
    from skinseg_edge.dicom_pictures import dicom_pixels

    return dicom_pixels(data, name)


def _reduction(header: PictureHeader, at_least_hw: tuple[int, int] | None) -> Reduction:
    if at_least_hw is None or header.format != "JPEG":
        return 1
    for reduction in REDUCTIONS:
        rows, columns = reduced_hw(header.upright_hw, reduction)
        if rows >= at_least_hw[0] and columns >= at_least_hw[1]:
            return reduction
    return 1
