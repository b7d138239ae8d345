"""DICOM's data elements, walked over one by one (PS3.5, chapter 7); nothing is kept but where each value lies.

By hand, as the other formats: pydicom makes an object of every item of a sequence before any limit could be looked at.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from skinseg_edge.picture_formats.header import damaged

__all__ = ["BIG", "EXPLICIT", "IMPLICIT", "PIXEL_DATA", "UNDEFINED", "Element", "Encoding", "elements", "items"]

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter: a sequence, an item, or compressed pixels."""

PIXEL_DATA = 0x7FE00010

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_DEEPEST = 32  # sequences in sequences; reports have some 10, pictures 3


class Encoding(NamedTuple):
    """How elements are written: whether their kind is told (explicit VR), and the order of bytes."""

    is_explicit: bool
    is_big_endian: bool

    @property
    def order(self) -> str:
        """The order of bytes, as `struct` has it."""
        return ">" if self.is_big_endian else "<"


IMPLICIT, EXPLICIT, BIG = Encoding(False, False), Encoding(True, False), Encoding(True, True)


class Element(NamedTuple):
    """An element's *tag* (group and number, 32 bits), where its value begins and how long it is, and how deep it lies.

    *depth*: 0 for what belongs to the file itself, more for what lies in its sequences. *length* may reach past the
    end of a file that was cut off. *kind*: its VR, b"OW"; empty where that is not told.
    """

    tag: int
    start: int
    length: int
    depth: int
    kind: bytes = b""


def elements(data: bytes, start: int, encoding: Encoding, name: str) -> Iterator[Element]:
    """Yield the elements from *start* on, up to the pixels or to where the data ends; a whole sequence counts as one.

    Only a sequence that tells no length is walked through, and its elements are yielded too. *name*: what errors call
    the file.

    Raises PictureUnreadable if sequences lie deeper than 32 levels, or end before they began.
    """
    inside: list[Encoding] = []
    position = start
    while position + 8 <= len(data):
        here = inside[-1] if inside else encoding
        tag = _tag_at(data, position, here)
        if tag >> 16 == 0xFFFE:
            (length,) = struct.unpack_from(here.order + "I", data, position + 4)
            position += 8
            yield Element(tag, position, 0, len(inside) + 1)
            if tag == _ITEM and length == UNDEFINED:
                inside.append(here)
            elif tag == _ITEM:
                position += length
            elif inside:
                inside.pop()
            else:
                raise damaged(name, "DICOM", f"a sequence ends at byte {position - 8} that never began")
        else:
            kind, value, length = _head(data, position, here)
            yield Element(tag, value, length, len(inside), kind)
            if tag == PIXEL_DATA and not inside:
                return
            if length == UNDEFINED:
                # Of a sequence whose kind was not known to its writer the inside is implicit (PS3.5, 6.2.2).
                inside.append(IMPLICIT if kind == b"UN" else here)
                length = 0
            position = value + length
        if len(inside) > _DEEPEST:
            raise damaged(name, "DICOM", f"its sequences lie more than {_DEEPEST} deep in each other")


def items(data: bytes, start: int) -> Iterator[tuple[int, int] | None]:
    """Yield begin and end of each item of compressed pixels, the table of offsets first; None where they are cut off.

    They are always little-endian (PS3.5, A.4).
    """
    position = start
    while position + 8 <= len(data):
        tag = _tag_at(data, position, EXPLICIT)
        (length,) = struct.unpack_from("<I", data, position + 4)
        position += 8
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM or position + length > len(data):
            break
        yield position, position + length
        position += length
    yield None


def _tag_at(data: bytes, position: int, encoding: Encoding) -> int:
    group, number = struct.unpack_from(encoding.order + "HH", data, position)
    return int(group) << 16 | int(number)


def _head(data: bytes, position: int, encoding: Encoding) -> tuple[bytes, int, int]:
    """Return an element's kind (VR; empty where it is not told), where its value begins, and its length."""
    if not encoding.is_explicit:
        return b"", position + 8, struct.unpack_from(encoding.order + "I", data, position + 4)[0]
    kind = data[position + 4 : position + 6]
    if kind not in _LONG:
        return kind, position + 8, struct.unpack_from(encoding.order + "H", data, position + 6)[0]
    if position + 12 > len(data):
        return kind, len(data), 0
    return kind, position + 12, struct.unpack_from(encoding.order + "I", data, position + 8)[0]
