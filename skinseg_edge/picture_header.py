"""What a picture's bytes say before a pixel is decoded: format, size, orientation, and whether they are all there.

The format is told by content, never by a file's name.
"""

from collections.abc import Callable
from typing import NamedTuple

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats import bmp, dicom, jpeg, png, tiff, webp
from skinseg_edge.picture_formats.foreign import foreign_name
from skinseg_edge.picture_formats.header import PictureFormat, PictureHeader

__all__ = ["PictureFormat", "PictureHeader", "check_whole", "read_header"]


class _Reader(NamedTuple):
    recognises: Callable[[bytes], bool]
    read_header: Callable[[bytes, str], PictureHeader]
    check_whole: Callable[[bytes, str], None]


# DICOM first: its preamble may be the beginning of a TIFF, and what counts is then still the DICOM file.
_READERS = tuple(
    _Reader(module.recognises, module.read_header, module.check_whole) for module in (dicom, jpeg, png, webp, tiff, bmp)
)


def read_header(data: bytes, name: str = "the picture") -> PictureHeader:
    """Read format, size and orientation; *name* is what errors call the file.

    Raises PictureUnreadable if *data* is empty, of no known format, or ends before the size is told.
    """
    return _reader_for(data, name).read_header(data, name)


def check_whole(data: bytes, name: str = "the picture") -> None:
    """Check that *data* reaches the end that its own structure announces; bytes after that end are ignored.

    Raises PictureUnreadable if it is cut off, or damaged in a way that needs no decoding to see.
    """
    _reader_for(data, name).check_whole(data, name)


def _reader_for(data: bytes, name: str) -> _Reader:
    if not data:
        raise PictureUnreadable(f"cannot read {name}: it is empty (0 bytes); copy or upload the picture again")
    for reader in _READERS:
        if reader.recognises(data):
            return reader
    expected = "expected JPEG, PNG, WebP, BMP or TIFF"
    if foreign := foreign_name(data):
        what, advice = foreign
        raise PictureUnreadable(f"cannot read {name}: it is {what}, {expected}{advice}")
    raise PictureUnreadable(
        f"cannot read {name}: it begins with {data[:8]!r}, which is no picture; {expected}, so save it as one of them"
    )
