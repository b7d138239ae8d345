"""A JPEG without what it says beside its pixels; the pixels' own bytes are not touched.

Kept: the tables, frames and scans, the colour profile, Adobe's note of how colours are coded, JFIF without its
thumbnail. Gone: every other APP segment (EXIF, XMP, IPTC, makers' notes), comments, and whatever follows the end:
previews, depth maps, gain maps, the video of a moving picture.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from skinseg_demo.pictures.capture_facts import CaptureFacts, exif_from_facts, facts_from_exif

__all__ = ["end_of_jpeg", "strip_jpeg"]

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # neither data, nor restart, nor filling
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_EXIF = b"Exif\x00\x00"
_FOR_PIXELS = {*range(0xC0, 0xD0), _SOS, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF} - {0xC8}
_JFIF_BYTES, _ADOBE_BYTES = 12, 12  # of the payload, less a thumbnail or anything else behind it


class _Segment(NamedTuple):
    marker: int
    payload: bytes
    data: bytes  # coded pixels that follow a scan's head
    end: int


def strip_jpeg(data: bytes) -> bytes:
    """Strip a JPEG that `check_whole` accepted."""
    kept: list[bytes] = []
    facts: CaptureFacts | None = None
    for segment in _segments(data):
        if segment.marker == _APP1 and facts is None and segment.payload.startswith(_EXIF):
            facts = facts_from_exif(segment.payload[len(_EXIF) :])
        kept.extend(_kept(segment))
    first = kept[:1] if kept and kept[0][1] == _APP0 else []
    told = [] if facts is None or facts.is_plain else [_written(_APP1, _EXIF + exif_from_facts(facts))]
    return b"".join((b"\xff\xd8", *first, *told, *kept[len(first) :], b"\xff\xd9"))


def end_of_jpeg(data: bytes) -> int:
    """Return where the picture ends, bytes; what follows is none of it."""
    last = 2
    for segment in _segments(data):
        last = segment.end
    return min(len(data), last + 2)


def _kept(segment: _Segment) -> Iterator[bytes]:
    marker, payload = segment.marker, segment.payload
    if marker in _FOR_PIXELS:
        yield _written(marker, payload) + segment.data
    elif marker == _APP0 and payload.startswith(b"JFIF\x00") and len(payload) >= _JFIF_BYTES:
        yield _written(marker, payload[:_JFIF_BYTES] + b"\x00\x00")  # a thumbnail of 0 x 0
    elif marker == _APP2 and payload.startswith(b"ICC_PROFILE\x00"):
        yield _written(marker, payload)
    elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= _ADOBE_BYTES:
        yield _written(marker, payload[:_ADOBE_BYTES])


def _written(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the segments between the first SOI and EOI."""
    position = 2
    while (found := _MARKER.search(data, position)) is not None and found[1][0] != _EOI:
        marker, position = found[1][0], found.end()
        if marker in (_SOI, _TEM):
            continue
        (length,) = struct.unpack_from(">H", data, position)
        payload = data[position + 2 : position + length]
        position += length
        end = position
        if marker == _SOS:
            following = _MARKER.search(data, position)
            end = len(data) if following is None else following.start()
        yield _Segment(marker, payload, data[position:end], end)
        position = end
