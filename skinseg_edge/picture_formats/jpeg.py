"""JPEG: segments behind markers, then entropy-coded scans, then EOI (ITU-T T.81, annex B)."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early, not_too_many
from skinseg_edge.picture_formats.tags import orientation_in

__all__ = ["check_whole", "colours_as_given", "read_header", "recognises", "tells_colours"]

# FF 00 is a data byte inside a scan, FF D0..D7 are restart markers there, and FF FF is filling.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_EOI, _SOS, _APP0, _APP1, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_WITHOUT_LENGTH = (0x01, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_SCANS = 100  # progressive photos have about 10; each costs a pass over all pixels, even when it is empty
_EXIF_MARK = b"Exif\x00\x00"
# Adobe's segment with transform 0: a decoder gives the numbers of a pixel as they stand, whatever they mean.
_AS_GIVEN = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"


class _Segment(NamedTuple):
    marker: int
    payload: bytes


def recognises(data: bytes) -> bool:
    """Tell whether *data* begins like a JPEG file."""
    return data[:3] == b"\xff\xd8\xff"


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read size and orientation; *name* is what errors call the file.

    Raises PictureUnreadable if no frame header comes before the pixels, or if it tells four inks and not which way.
    """
    exif: bytes | None = None
    frame: bytes | None = None
    is_adobe = False
    for marker, payload in not_too_many(_segments(data, name), name, "JPEG"):
        if marker == _APP1 and exif is None and payload.startswith(_EXIF_MARK):
            exif = payload[len(_EXIF_MARK) :]
        elif marker == _APP14 and payload.startswith(b"Adobe"):
            is_adobe = True
        elif marker in _FRAMES:
            frame = payload
        if marker in (_SOS, _EOI):
            break
    if frame is None or len(frame) < 6:
        raise ends_early(name, "JPEG", "its size is not told before the data ends")
    height, width, components = struct.unpack_from(">xHHB", frame)
    if width == 0 or height == 0:
        raise damaged(name, "JPEG", f"its header says {width} x {height} pixels")
    if components == 4 and not is_adobe:
        raise PictureUnreadable(
            f"cannot read {name}: it is a CMYK JPEG without an Adobe marker, so whether 0 means no ink or full ink is "
            "not told; save it as an RGB picture"
        )
    return PictureHeader("JPEG", width, height, orientation_in(exif))


def check_whole(data: bytes, name: str) -> None:
    """Check that the markers lead to the end of the image; what follows it is not looked at.

    A decoder paints grey where bytes are missing, so this is the only place where a cut-off photo is noticed. The end
    marker of a thumbnail lies inside its segment and is passed over.

    Raises PictureUnreadable if no EOI marker follows the pixels, or if there are more than 100 scans.
    """
    scans = 0
    for marker, _ in not_too_many(_segments(data, name), name, "JPEG"):
        scans += marker == _SOS
        if scans > _MOST_SCANS:
            raise damaged(name, "JPEG", f"its pixels come in more than {_MOST_SCANS} scans")
        if marker == _EOI:
            if scans == 0:
                raise damaged(name, "JPEG", "it has a header but no pixels")
            return
    raise ends_early(name, "JPEG", "its end marker is missing")


def tells_colours(data: bytes, name: str) -> bool:
    """Tell whether a JPEG says by itself whether its three channels are R, G, B or Y, Cb, Cr.

    By the segment of JFIF or Adobe, by channels that are called R, G, B, or by two of smaller size, as no R, G or B is.
    """
    for marker, payload in not_too_many(_segments(data, name), name, "JPEG"):
        if (marker == _APP0 and payload.startswith(b"JFIF")) or (marker == _APP14 and payload.startswith(b"Adobe")):
            return True
        if marker in _FRAMES:
            channels = [payload[at : at + 2] for at in range(6, len(payload) - 2, 3)]  # a name and a share of the size
            return [channel[:1] for channel in channels] == [b"R", b"G", b"B"] or len({c[1:] for c in channels}) > 1
    return False


def colours_as_given(data: bytes) -> bytes:
    """Put a segment into a JPEG that keeps a decoder from turning its channels into others.

    It must not tell by itself what they are: see `tells_colours`.
    """
    return data[:2] + _AS_GIVEN + data[2:]


def _segments(data: bytes, name: str) -> Iterator[_Segment]:
    """Yield segments up to EOI, or to where the data ends."""
    position = 2
    while (found := _MARKER.search(data, position)) is not None:
        marker, position = found[1][0], found.end()
        if marker == _EOI:
            yield _Segment(marker, b"")
            return
        if marker in _WITHOUT_LENGTH:
            yield _Segment(marker, b"")
            continue
        if position + 2 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise damaged(name, "JPEG", f"a segment at byte {position - 2} is {length} bytes long")
        if position + length > len(data):
            return
        yield _Segment(marker, data[position + 2 : position + length])
        position += length
