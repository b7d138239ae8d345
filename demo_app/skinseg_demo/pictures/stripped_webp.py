"""A WebP with the chunks that make its pixels and their colours, and nothing else (RFC 9649)."""

import struct
from collections.abc import Iterator

from skinseg_demo.pictures.capture_facts import CaptureFacts, exif_from_facts, facts_from_exif

__all__ = ["end_of_webp", "strip_webp"]

_HEAD = 12
_EXIF_MARK = b"Exif\x00\x00"
_HAS_EXIF, _HAS_XMP = 0x08, 0x04  # flags in the first byte of VP8X
_KEPT = {b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}


def strip_webp(data: bytes) -> bytes:
    """Strip a WebP that `check_whole` accepted; XMP, unknown chunks and what EXIF tells beside two facts are gone."""
    facts = CaptureFacts()
    kept: list[bytes] = []
    extended: bytes | None = None
    for kind, payload in _chunks(data):
        if kind == b"EXIF":
            facts = facts_from_exif(payload.removeprefix(_EXIF_MARK))  # the last one counts, as for the decoder
        elif kind == b"VP8X" and extended is None:
            extended = payload[:10]
        elif kind in _KEPT:
            kept.append(_written(kind, payload))
    if extended is not None:
        flags = extended[0] & ~(_HAS_EXIF | _HAS_XMP) | (0 if facts.is_plain else _HAS_EXIF)
        kept.insert(0, _written(b"VP8X", bytes([flags]) + extended[1:]))
    if not facts.is_plain:
        kept.append(_written(b"EXIF", exif_from_facts(facts)))
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def end_of_webp(data: bytes) -> int:
    """Return where the picture ends, bytes; what follows is none of it."""
    (length,) = struct.unpack_from("<I", data, 4)
    return min(len(data), 8 + int(length) + int(length) % 2)


def _written(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload + b"\x00" * (len(payload) % 2)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    start, end = _HEAD, end_of_webp(data)
    while start + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, start)
        yield kind, data[start + 8 : min(end, start + 8 + length)]
        start += 8 + length + length % 2
