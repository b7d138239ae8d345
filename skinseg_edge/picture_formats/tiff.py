"""TIFF: a table of tags that says where the strips or tiles of pixels lie (TIFF 6.0). Only the first page is read."""

import struct
import zlib

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early
from skinseg_edge.picture_formats.tags import ORIENTATION_TAG, TagTable, first_directory, orientation_in

__all__ = ["alpha_is_premultiplied", "check_whole", "read_header", "recognises", "without_orientation"]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_EXTRA_SAMPLES, _SAMPLE_FORMAT = 338, 339
_STRIPS, _TILES = (273, 279), (324, 325)  # offsets, byte counts
_GREY, _RGB = 1, 2
_DEFLATE = (8, 32946)  # Adobe's number and the older one
_INFLATED_AT_ONCE = 1 << 20
_KNOWN_COLOURS = {0: 1, _GREY: 1, _RGB: 3, 3: 1, 5: 4, 6: 3}  # photometric interpretation: samples without extra ones


def recognises(data: bytes) -> bool:
    """Tell whether *data* begins like a TIFF file, of either byte order, BigTIFF included."""
    return data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read size and orientation of the first page; *name* is what errors call the file.

    Raises PictureUnreadable if the tags cannot be read.
    """
    table = _table(data, name)
    width, height = table.number(_WIDTH), table.number(_HEIGHT)
    if width == 0 or height == 0:
        raise damaged(name, "TIFF", f"its tags say {width} x {height} pixels")
    return PictureHeader("TIFF", width, height, orientation_in(data))


def check_whole(data: bytes, name: str) -> None:
    """Check that all strips or tiles lie inside the file and hold numbers that are colours.

    Deflated ones are checked against their checksums, since OpenCV gives a black picture for a damaged one. The other
    compressions have none: damage inside them goes unnoticed.

    Raises PictureUnreadable otherwise: for floating-point, 32-bit, Lab and multi-band files too, whose values have no
    agreed way to 8-bit RGB.
    """
    table = _table(data, name)
    _check_is_photo(table, name)
    offsets, sizes = (table.numbers(tag) for tag in (_TILES if _TILES[0] in table.entries else _STRIPS))
    if not offsets or len(offsets) != len(sizes):
        raise damaged(name, "TIFF", f"its tags name {len(offsets)} places of pixels and {len(sizes)} sizes")
    needed = max(offset + size for offset, size in zip(offsets, sizes, strict=True))
    if needed > len(data):
        raise ends_early(name, "TIFF", f"it has {len(data)} bytes, its pixels need {needed}")
    if table.number(_COMPRESSION, 1) in _DEFLATE:
        most = 16 * (table.number(_WIDTH) + 1024) * (table.number(_HEIGHT) + 1024)
        _check_deflated(data, list(zip(offsets, sizes, strict=True)), most, name)


def _check_deflated(data: bytes, places: list[tuple[int, int]], most: int, name: str) -> None:
    """Inflate every strip or tile piece by piece, up to *most* bytes in all (tiles reach past the picture's edge)."""
    total = 0
    for offset, size in places:
        inflater, piece = zlib.decompressobj(), data[offset : offset + size]
        try:
            while piece and not inflater.eof:
                total += len(inflater.decompress(piece, _INFLATED_AT_ONCE))
                piece = inflater.unconsumed_tail
                if total > most:
                    raise damaged(name, "TIFF", f"its pixels inflate to more than {most:,} bytes")
        except zlib.error as error:
            raise damaged(name, "TIFF", f"its pixels at byte {offset} do not inflate") from error
        if not inflater.eof:
            raise damaged(name, "TIFF", f"its pixels at byte {offset} break off")


def alpha_is_premultiplied(data: bytes, name: str) -> bool:
    """Tell whether a four-sample decoding of *data* holds colours already multiplied by alpha.

    libtiff multiplies 8-bit ones itself; of 16-bit ones the ExtraSamples tag says it (1 associated, 2 not).
    """
    table = _table(data, name)
    return max(table.numbers(_BITS), default=1) <= 8 or table.number(_EXTRA_SAMPLES) == 1


def without_orientation(data: bytes) -> bytes:
    """Set the orientation tag to 1, for decoders that apply it whatever they are told (OpenCV does, for TIFF)."""
    table = first_directory(data)
    entry = table.entries.get(ORIENTATION_TAG) if table else None
    if table is None or entry is None or table.number(ORIENTATION_TAG, 1) == 1:
        return data
    code = {1: "B", 3: "H", 4: "I"}[entry.kind]
    upright = struct.pack(f"{table.byte_order}{code}", 1)
    return data[: entry.offset] + upright + data[entry.offset + len(upright) :]


def _table(data: bytes, name: str) -> TagTable:
    if data[2:4] in (b"+\x00", b"\x00+"):
        raise PictureUnreadable(f"cannot read {name}: it is a BigTIFF file; save it as a plain TIFF or PNG")
    table = first_directory(data)
    if table is None:
        raise ends_early(name, "TIFF", "its table of tags is missing or cut short")
    return table


def _check_is_photo(table: TagTable, name: str) -> None:
    bits = set(table.numbers(_BITS)) or {1}
    colours, samples = table.number(_PHOTOMETRIC, -1), table.number(_SAMPLES, 1)
    depth = max(bits)
    extra = samples - _KNOWN_COLOURS.get(colours, 0)
    is_known = (
        colours in _KNOWN_COLOURS
        and len(bits) == 1
        and depth in (1, 8, 16)  # OpenCV reads no 4-bit TIFF
        and set(table.numbers(_SAMPLE_FORMAT)) <= {1}
        and (depth < 16 or colours in (_GREY, _RGB))
        and (extra == 0 or (extra == 1 and colours == _RGB and table.number(_EXTRA_SAMPLES) in (1, 2)))
    )
    if not is_known:
        raise PictureUnreadable(
            f"cannot read {name}: this TIFF has {samples} samples of {sorted(bits)} bits, photometric interpretation "
            f"{colours} and sample format {table.number(_SAMPLE_FORMAT, 1)}, expected grey, palette, RGB, YCbCr or "
            "CMYK of 1 or 8 bits, or grey or RGB of 16; save it as an 8-bit RGB TIFF or PNG"
        )
