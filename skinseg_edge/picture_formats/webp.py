"""WebP: a RIFF file of chunks (RFC 9649)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early, not_too_many
from skinseg_edge.picture_formats.tags import orientation_in

__all__ = ["check_whole", "read_header", "recognises"]

_IMAGE_KINDS = (b"VP8 ", b"VP8L")


class _Chunk(NamedTuple):
    kind: bytes
    payload: bytes


def recognises(data: bytes) -> bool:
    """Tell whether *data* begins like a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read size and orientation; *name* is what errors call the file.

    Raises PictureUnreadable if no chunk tells the size, or if two of them disagree.
    """
    sizes: set[tuple[int, int]] = set()
    orientation = 1
    for kind, payload in not_too_many(_chunks(data), name, "WebP"):
        size = _size_in(kind, payload)
        if size is not None:
            sizes.add(size)
        if kind == b"EXIF":
            orientation = orientation_in(payload.removeprefix(b"Exif\x00\x00"))
    if not sizes:
        raise ends_early(name, "WebP", "its size is not told before the data ends")
    if len(sizes) > 1 or 0 in min(sizes):
        said = " and ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise damaged(name, "WebP", f"it says to have {said} pixels")
    width, height = sizes.pop()
    return PictureHeader("WebP", width, height, orientation)


def check_whole(data: bytes, name: str) -> None:
    """Check that the file is as long as its RIFF header says and holds a still image.

    Raises PictureUnreadable otherwise.
    """
    (riff_bytes,) = struct.unpack_from("<I", data, 4)
    if len(data) < 8 + riff_bytes:
        raise ends_early(name, "WebP", f"it has {len(data)} bytes, its header says {8 + riff_bytes}")
    kinds = {kind for kind, _ in not_too_many(_chunks(data), name, "WebP")}
    if b"ANMF" in kinds:  # OpenCV reads these from 4.11 on; refusing keeps all versions alike
        raise PictureUnreadable(f"cannot read {name}: it is an animated WebP; save one frame of it as a still picture")
    if kinds.isdisjoint(_IMAGE_KINDS):
        raise damaged(name, "WebP", "it has a header but no pixels")


def _size_in(kind: bytes, payload: bytes) -> tuple[int, int] | None:
    """Return (width, height), px, of a chunk that tells them."""
    if kind == b"VP8X" and len(payload) >= 10:
        return 1 + int.from_bytes(payload[4:7], "little"), 1 + int.from_bytes(payload[7:10], "little")
    if kind == b"VP8 " and payload[3:6] == b"\x9d\x01\x2a" and len(payload) >= 10:
        width, height = struct.unpack_from("<HH", payload, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and payload[:1] == b"\x2f" and len(payload) >= 5:
        bits = int.from_bytes(payload[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield chunks up to the end of the RIFF file; the last payload may be cut short."""
    (riff_bytes,) = struct.unpack_from("<I", data.ljust(8, b"\x00"), 4)
    end = min(len(data), 8 + riff_bytes)
    start = 12
    while start + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, start)
        yield _Chunk(kind, data[start + 8 : min(end, start + 8 + length)])
        start += 8 + length + length % 2
