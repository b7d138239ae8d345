"""PNG: chunks with a length and a checksum each, from IHDR to IEND (W3C PNG, third edition)."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early, not_too_many
from skinseg_edge.picture_formats.tags import orientation_in

__all__ = ["as_numbers", "check_whole", "has_palette", "number_scale", "only_pixels", "read_header", "recognises"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3  # colour types
_FOR_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int


def recognises(data: bytes) -> bool:
    """Tell whether *data* begins like a PNG file."""
    return data.startswith(_SIGNATURE)


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read size and orientation; *name* is what errors call the file.

    Raises PictureUnreadable if the file does not begin with a whole IHDR chunk.
    """
    if len(data) < 33:
        raise ends_early(name, "PNG", f"it has {len(data)} bytes and its header alone takes 33")
    length, kind, width, height = struct.unpack_from(">I4sII", data, len(_SIGNATURE))
    if kind != b"IHDR" or length != 13 or width == 0 or height == 0:
        raise damaged(name, "PNG", f"its first chunk is {kind!r} and says {width} x {height} pixels")
    exif = next((chunk for chunk in not_too_many(_chunks(data), name, "PNG") if chunk.kind == b"eXIf"), None)
    orientation = orientation_in(data[exif.start + 8 : exif.end - 4]) if exif else 1
    return PictureHeader("PNG", width, height, orientation)


def check_whole(data: bytes, name: str) -> None:
    """Check that every chunk up to IEND is there and that those which make pixels match their checksums.

    Raises PictureUnreadable otherwise.
    """
    kinds: list[bytes] = []
    for kind, start, end in not_too_many(_chunks(data), name, "PNG"):
        kinds.append(kind)
        (recorded,) = struct.unpack_from(">I", data, end - 4)
        if kind in _FOR_PIXELS and zlib.crc32(memoryview(data)[start + 4 : end - 4]) != recorded:
            raise damaged(name, "PNG", f"its {kind.decode()} chunk at byte {start} does not match its checksum")
    if not kinds or kinds[-1] != b"IEND":
        raise ends_early(name, "PNG", "its last chunk (IEND) is missing")
    if b"IDAT" not in kinds:
        raise damaged(name, "PNG", "it has a header but no pixels")
    if has_palette(data) and b"PLTE" not in kinds[: kinds.index(b"IDAT")]:
        raise damaged(name, "PNG", "its pixels are palette numbers and its palette is missing")
    if kinds.count(b"IHDR") != 1:
        raise damaged(name, "PNG", f"it has {kinds.count(b'IHDR')} headers")


def only_pixels(data: bytes) -> bytes:
    """Leave out every chunk that does not make pixels: text, colour profiles, the further frames of an animation.

    libpng prints a line on stderr for profiles that it finds odd, and nothing here uses them.
    """
    return _SIGNATURE + b"".join(data[start:end] for kind, start, end in _chunks(data) if kind in _FOR_PIXELS)


def has_palette(data: bytes) -> bool:
    """Tell whether the pixels of a PNG are numbers of colours in a palette."""
    return data[25] == _PALETTE  # byte 25 of the file: the colour type


def as_numbers(data: bytes) -> bytes:
    """Turn a palette PNG into a grey one with the palette numbers as its levels; leave transparency out of any PNG.

    Both store their pixels alike, so only the header changes: a decoder that knows colours alone then gives numbers.
    """
    kept = [(kind, data[start:end]) for kind, start, end in _chunks(data) if kind in (b"IHDR", b"IDAT", b"IEND")]
    if has_palette(data):
        header = bytearray(kept[0][1])  # length, kind, width, height: 4 bytes each; depth, colour type: 1; ...
        header[17] = _GREY
        header[-4:] = struct.pack(">I", zlib.crc32(header[4:-4]))
        kept[0] = (b"IHDR", bytes(header))
    return _SIGNATURE + b"".join(chunk for _, chunk in kept)


def number_scale(data: bytes) -> int:
    """Return by what a decoder multiplies grey levels of less than 8 bits to fill 0 to 255: 255, 85 or 17; else 1."""
    depth = data[24]
    return 255 // (2**depth - 1) if data[25] in (_GREY, _PALETTE) and depth < 8 else 1


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield whole chunks up to IEND, or to where the data ends."""
    start = len(_SIGNATURE)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if end > len(data):
            return
        yield _Chunk(kind, start, end)
        if kind == b"IEND":
            return
        start = end
