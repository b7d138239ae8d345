"""A PNG with the chunks that make its pixels and their colours, and nothing else."""

import struct
import zlib
from collections.abc import Iterator

from skinseg_demo.pictures.capture_facts import CaptureFacts, exif_from_facts, facts_from_exif

__all__ = ["end_of_png", "strip_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"sBIT"}


def strip_png(data: bytes) -> bytes:
    """Strip a PNG that `check_whole` accepted.

    Gone are texts, times, XMP, thumbnails, further frames and unknown chunks. A colour profile goes, too: a screen's
    profile names the machine, and nothing here reads it.
    """
    facts = CaptureFacts()
    chunks: list[bytes] = []
    for kind, start, end in _chunks(data):
        if kind == b"eXIf" and facts.is_plain:
            facts = facts_from_exif(data[start + 8 : end - 4])
        elif kind in _KEPT:
            chunks.append(data[start:end])
    told = [] if facts.is_plain else [_written(b"eXIf", exif_from_facts(facts))]
    return b"".join((_SIGNATURE, chunks[0], *told, *chunks[1:]))


def end_of_png(data: bytes) -> int:
    """Return where the picture ends, bytes; what follows is none of it."""
    return max((end for _, _, end in _chunks(data)), default=len(_SIGNATURE))


def _written(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    start = len(_SIGNATURE)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        yield kind, start, min(end, len(data))
        if kind == b"IEND":
            return
        start = end
