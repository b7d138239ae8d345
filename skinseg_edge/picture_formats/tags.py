"""The tag table that TIFF files and EXIF blocks share: a byte order mark, then directories of tagged values.

TIFF 6.0 (Adobe, 1992), section 2; EXIF 2.32 (CIPA DC-008), section 4.6.
"""

import struct
from dataclasses import dataclass
from typing import Literal

__all__ = ["ORIENTATION_TAG", "TagEntry", "TagTable", "first_directory", "orientation_in"]

ORIENTATION_TAG = 274

_BYTE_ORDERS: dict[bytes, Literal["<", ">"]] = {b"II*\x00": "<", b"MM\x00*": ">"}
_CODES = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT, LONG: the types that sizes, offsets and the orientation come in
_BYTES_A_VALUE = {1: 1, 3: 2, 4: 4}


@dataclass(frozen=True)
class TagEntry:
    """One value list: *kind* is the TIFF type number, *offset* where its first value lies in the block, bytes."""

    kind: int
    count: int
    offset: int


@dataclass(frozen=True)
class TagTable:
    """The first directory of a TIFF file or EXIF block."""

    block: bytes
    byte_order: Literal["<", ">"]
    entries: dict[int, TagEntry]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of *tag*; empty when it is absent, of another type, or outside the block."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _CODES:
            return ()
        end = entry.offset + entry.count * _BYTES_A_VALUE[entry.kind]
        if end > len(self.block):
            return ()
        return struct.unpack_from(f"{self.byte_order}{entry.count}{_CODES[entry.kind]}", self.block, entry.offset)

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first whole number of *tag*, or *default*."""
        return next(iter(self.numbers(tag)), default)


def first_directory(block: bytes) -> TagTable | None:
    """Read the first directory; None when there is none, or when it leaves the block."""
    byte_order = _BYTE_ORDERS.get(block[:4])
    if byte_order is None or len(block) < 8:
        return None
    (start,) = struct.unpack_from(f"{byte_order}I", block, 4)
    if start + 2 > len(block):
        return None
    (count,) = struct.unpack_from(f"{byte_order}H", block, start)
    if start + 2 + 12 * count > len(block):
        return None
    entries: dict[int, TagEntry] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(f"{byte_order}HHI", block, at)
        fits = values * _BYTES_A_VALUE.get(kind, 8) <= 4
        offset = at + 8 if fits else struct.unpack_from(f"{byte_order}I", block, at + 8)[0]
        entries.setdefault(tag, TagEntry(kind, values, offset))  # libtiff keeps the first of two, so do we
    return TagTable(block, byte_order, entries)


def orientation_in(block: bytes | None) -> int:
    """Return the orientation (1 to 8) that an EXIF block tells; 1 when it tells none, or nonsense.

    A broken EXIF block does not make a picture unreadable: cameras and editors leave many.
    """
    table = first_directory(block) if block else None
    orientation = table.number(ORIENTATION_TAG, 1) if table else 1
    return orientation if 1 <= orientation <= 8 else 1
