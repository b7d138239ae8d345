"""The two facts of an EXIF block that are kept: which way is up, and when the picture was taken.

Everything else goes: place, camera, serial numbers, owner, thumbnail, maker's notes, the time zone.
"""

import re
import struct
from dataclasses import dataclass

from skinseg_edge.picture_formats.tags import TagTable, first_directory, orientation_in

__all__ = ["CaptureFacts", "exif_from_facts", "facts_from_exif"]

_ORIENTATION, _DATE_TIME, _EXIF_DIRECTORY, _ORIGINAL_TIME = 274, 306, 0x8769, 0x9003
_ASCII, _SHORT, _LONG = 2, 3, 4
_TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
_TIME_BYTES = 20  # with the zero byte at its end


@dataclass(frozen=True)
class CaptureFacts:
    """*orientation*: EXIF tag 274, 1 to 8. *taken_at*: "2026:11:21 08:30:00", the camera's clock; None if not told."""

    orientation: int = 1
    taken_at: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell."""
        return self.orientation == 1 and self.taken_at is None


def facts_from_exif(block: bytes | None) -> CaptureFacts:
    """Read the facts out of an EXIF block that begins with its byte order; a broken one tells nothing."""
    table = first_directory(block) if block else None
    if block is None or table is None:
        return CaptureFacts()
    return CaptureFacts(orientation_in(block), _time_in(_details(table), _ORIGINAL_TIME) or _time_in(table, _DATE_TIME))


def exif_from_facts(facts: CaptureFacts) -> bytes:
    """Write an EXIF block with these facts and nothing else."""
    if facts.taken_at is None:
        return _head(1) + _entry(_ORIENTATION, _SHORT, 1, facts.orientation) + bytes(4)
    details_at = 8 + 2 + 2 * 12 + 4
    time_at = details_at + 2 + 12 + 4
    first = (
        _head(2) + _entry(_ORIENTATION, _SHORT, 1, facts.orientation) + _entry(_EXIF_DIRECTORY, _LONG, 1, details_at)
    )
    details = struct.pack("<H", 1) + _entry(_ORIGINAL_TIME, _ASCII, _TIME_BYTES, time_at) + bytes(4)
    return first + bytes(4) + details + facts.taken_at.encode() + b"\x00"


def _head(entries: int) -> bytes:
    return b"II*\x00" + struct.pack("<IH", 8, entries)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def _details(table: TagTable) -> TagTable | None:
    """Return the second directory, which the first one names."""
    start = table.number(_EXIF_DIRECTORY)
    # A directory is found through the head of its block, so the head is made to name this one.
    return first_directory(table.block[:4] + struct.pack(f"{table.byte_order}I", start) + table.block[8:])


def _time_in(table: TagTable | None, tag: int) -> str | None:
    entry = table.entries.get(tag) if table else None
    if table is None or entry is None or entry.kind != _ASCII or entry.count < _TIME_BYTES:
        return None
    found = _TIME.fullmatch(table.block[entry.offset : entry.offset + _TIME_BYTES - 1])
    return None if found is None else found[0].decode()
