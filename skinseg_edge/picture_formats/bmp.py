"""BMP: a file header, a bitmap header, perhaps a palette, then rows (Microsoft, BITMAPFILEHEADER and its kin)."""

import struct

from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early

__all__ = ["check_whole", "read_header", "recognises"]

_OLD_HEADER = 12  # BITMAPCOREHEADER: 16-bit sizes, no compression
_UNCOMPRESSED = (0, 3, 6)  # BI_RGB and the two BI_BITFIELDS
_DEPTHS = (1, 4, 8, 16, 24, 32)


def recognises(data: bytes) -> bool:
    """Tell whether *data* begins like a BMP file: "BM", and a bitmap header of a known size."""
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in (_OLD_HEADER, 40, 52, 56, 64, 108, 124)


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read the size; *name* is what errors call the file. A BMP tells no orientation.

    Raises PictureUnreadable if the header is cut short or tells no pixels.
    """
    width, height, _, _ = _layout(data, name)
    return PictureHeader("BMP", width, height)


def check_whole(data: bytes, name: str) -> None:
    """Check that an uncompressed file holds all its rows.

    Raises PictureUnreadable otherwise. Run-length coded rows are left to the decoder, which refuses a short file.
    """
    width, height, depth, compression = _layout(data, name)
    if depth not in _DEPTHS:
        raise damaged(name, "BMP", f"it says to have {depth} bits a pixel")
    if compression not in _UNCOMPRESSED:
        return
    first_row = int.from_bytes(data[10:14], "little")
    needed = first_row + (width * depth + 31) // 32 * 4 * height
    if len(data) < needed:
        raise ends_early(name, "BMP", f"it has {len(data)} bytes, its rows need {needed}")


def _layout(data: bytes, name: str) -> tuple[int, int, int, int]:
    """Return width, height (px), bits a pixel, compression."""
    if len(data) < 26 or (data[14] != _OLD_HEADER and len(data) < 34):
        raise ends_early(name, "BMP", "its header is cut short")
    compression = 0
    if data[14] == _OLD_HEADER:
        width, height, depth = struct.unpack_from("<HH2xH", data, 18)
    else:
        width, height, depth, compression = struct.unpack_from("<ii2xHI", data, 18)
        height = abs(height)  # a negative one means that the top row comes first
    if width <= 0 or height <= 0:
        raise damaged(name, "BMP", f"its header says {width} x {height} pixels")
    return width, height, depth, compression
