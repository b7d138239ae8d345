"""DICOM: a preamble, the file's own group 0002, then data elements with the pixels as the last that counts (PS3.10).

Photographs of skin are VL Photographic, Dermoscopic Photography or Secondary Capture images with one frame. What a
picture shows is told by its elements alone: an EXIF orientation in a compressed frame counts for nothing here.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.dicom_elements import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    UNDEFINED,
    Element,
    Encoding,
    elements,
    items,
)
from skinseg_edge.picture_formats.dicom_names import ACCEPTED_KINDS, name_of_uid
from skinseg_edge.picture_formats.header import PictureHeader, damaged, ends_early, not_too_many

__all__ = ["DicomImage", "check_whole", "described", "fragments", "read_header", "recognises"]

_PREAMBLE, _MARK = 128, b"DICM"
_IMPLICIT_LITTLE, _DEFLATED, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
_NATIVE = (_IMPLICIT_LITTLE, "1.2.840.10008.1.2.1", _DEFLATED, _BIG)
_ENCODINGS: Mapping[str, Encoding] = {_IMPLICIT_LITTLE: IMPLICIT, _BIG: BIG}
_DEFLATED_HEADER = 16 * 1024 * 1024  # bytes; what comes before the pixels, colour profile and thumbnail included
_SYNTAX, _KIND = 0x00020010, 0x00080016
_PALETTE = (0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203)
_WANTED = frozenset((_KIND, 0x00080018, *range(0x00280002, 0x00280200), 0x00280A02, *_PALETTE, 0x00281221, 0x00282000))
_LONGEST_VALUE = 1 << 18  # bytes; a palette of 65,536 colours has half as many a channel


@dataclass(frozen=True, eq=False)
class DicomImage:
    """What a DICOM file says about its picture, unchecked but for its kind and its size.

    *data*: the file, inflated where it was deflated. *pixels*: where they lie. *values*: raw values by tag.
    """

    data: bytes
    syntax: str
    encoding: Encoding
    pixels: Element
    values: Mapping[int, bytes]

    @property
    def rows(self) -> int:
        """Rows of the picture, px."""
        return self.whole(0x00280010) or 0

    @property
    def columns(self) -> int:
        """Columns of the picture, px."""
        return self.whole(0x00280011) or 0

    @property
    def samples(self) -> int:
        """Numbers a pixel: 1 for grey and palettes, 3 for colours."""
        return self.whole(0x00280002) or 1

    @property
    def bits_allocated(self) -> int:
        """Bits that a number takes."""
        return self.whole(0x00280100) or 8

    @property
    def bits_stored(self) -> int:
        """Bits of a number that count, the lowest ones."""
        return self.whole(0x00280101) or self.bits_allocated

    @property
    def photometric(self) -> str:
        """What the numbers mean (Photometric Interpretation), such as "YBR_FULL_422"."""
        return self.text(0x00280004)

    @property
    def is_planar(self) -> bool:
        """Whether one whole channel comes after the other."""
        return self.whole(0x00280006) == 1

    @property
    def is_compressed(self) -> bool:
        """Whether the pixels are frames of another format."""
        return self.syntax not in _NATIVE

    @property
    def native_bytes(self) -> int:
        """How many bytes the pixels take without compression, without the one that makes them even."""
        if self.photometric == "YBR_FULL_422" and not self.is_compressed:
            return self.rows * self.columns * 2
        return self.rows * self.columns * self.samples * (self.bits_allocated // 8)

    def whole(self, tag: int) -> int | None:
        """Return the first of an element's 16-bit numbers; None where it tells none."""
        value = self.values.get(tag, b"")
        order: Literal["big", "little"] = "big" if self.encoding.is_big_endian else "little"
        return int.from_bytes(value[:2], order) if len(value) >= 2 else None

    def text(self, tag: int) -> str:
        """Return an element's text; empty where it tells none."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0")


def recognises(data: bytes) -> bool:
    """Tell whether *data* is a DICOM file: "DICM" behind a preamble of 128 bytes."""
    return data[_PREAMBLE : _PREAMBLE + 4] == _MARK


def read_header(data: bytes, name: str) -> PictureHeader:
    """Read the size; *name* is what errors call the file. A DICOM picture is upright as it is stored.

    Raises PictureUnreadable if the file holds no photograph of one frame, or ends before its pixels begin.
    """
    image = described(data, name)
    return PictureHeader("DICOM", image.columns, image.rows)


def check_whole(data: bytes, name: str) -> None:
    """Check that all pixels are there; what follows them is not looked at.

    Raises PictureUnreadable otherwise.
    """
    image = described(data, name, with_pixels=True)
    if image.is_compressed:
        fragments(image, name)
        return
    expected, length = image.native_bytes, image.pixels.length
    if length not in (expected, expected + expected % 2):
        raise damaged(name, "DICOM", f"its pixels take {length:,} bytes, its header says {expected:,}")
    there = len(image.data) - image.pixels.start
    if there < expected:
        raise ends_early(name, "DICOM", f"it has {there:,} of the {expected:,} bytes of its pixels")


def fragments(image: DicomImage, name: str) -> list[tuple[int, int]]:
    """Return begin and end of each part of the compressed frame, in the order in which they make it.

    Raises PictureUnreadable if the frame is cut off or empty.
    """
    if image.pixels.length != UNDEFINED:
        raise damaged(name, "DICOM", "it says that its pixels are compressed, and they come without the frame for that")
    found = list(not_too_many(items(image.data, image.pixels.start), name, "DICOM"))
    parts = [part for part in found[1:] if part is not None]  # the first is the table of offsets
    if not found or None in found:
        raise ends_early(name, "DICOM", "its compressed pixels have no end")
    if not any(end > begin for begin, end in parts):
        raise damaged(name, "DICOM", "it has a header but no pixels")
    return parts


def described(data: bytes, name: str, *, with_pixels: bool = False) -> DicomImage:
    """Read what the file says about its picture; *with_pixels*: inflate a deflated file as far as its pixels reach.

    Raises PictureUnreadable if it holds no photograph of one frame, or ends before its pixels begin.
    """
    syntax, start = _syntax_of(data, name)
    if syntax == _DEFLATED:
        image = _described(_inflated(data[start:], _DEFLATED_HEADER, name), 0, syntax, name)
        if not with_pixels:
            return image
        start, data = 0, _inflated(data[start:], image.pixels.start + image.native_bytes, name)
    return _described(data, start, syntax, name)


def _described(data: bytes, start: int, syntax: str, name: str) -> DicomImage:
    encoding = _ENCODINGS.get(syntax, EXPLICIT)
    values: dict[int, bytes] = {}
    pixels = None
    for element in _of_the_file(data, start, encoding, name):
        if element.tag == PIXEL_DATA:
            pixels = element
        elif element.tag in _WANTED and element.length <= _LONGEST_VALUE:
            values[element.tag] = data[element.start : element.start + element.length]
        elif element.tag in _WANTED:
            values[element.tag] = b""
    kind = values.get(_KIND, b"").decode("latin-1").strip(" \0")
    if kind not in ACCEPTED_KINDS:
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file that holds {name_of_uid(kind)}, expected VL Photographic, "
            "Dermoscopic Photography or Secondary Capture; export the photograph that is meant"
        )
    if pixels is None:
        raise ends_early(name, "DICOM", "its pixels do not come before the data ends")
    image = DicomImage(data, syntax, encoding, pixels, values)
    _check_picture(image, name)
    return image


def _of_the_file(data: bytes, start: int, encoding: Encoding, name: str) -> Iterator[Element]:
    found = not_too_many(elements(data, start, encoding, name), name, "DICOM")
    return (element for element in found if element.depth == 0)


def _check_picture(image: DicomImage, name: str) -> None:
    frames = image.text(0x00280008) or "1"
    if frames.lstrip("+0") != "1":
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file of {frames[:12]!r} frames, expected a photograph of one; export "
            "one frame of it"
        )
    if image.rows == 0 or image.columns == 0:
        raise damaged(name, "DICOM", f"its header says {image.columns} x {image.rows} pixels")
    if image.samples not in (1, 3) or image.bits_allocated not in (8, 16):
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file of {image.samples} numbers a pixel with {image.bits_allocated} "
            "bits each, expected 1 or 3 with 8 or 16; export the photograph as RGB"
        )


def _syntax_of(data: bytes, name: str) -> tuple[str, int]:
    """Return the transfer syntax and where the group 0002 ends; that group is always explicit and little-endian."""
    start = _PREAMBLE + len(_MARK)
    syntax = ""
    found = not_too_many(elements(data, start, EXPLICIT, name), name, "DICOM")
    for element in takewhile(lambda element: element.tag >> 16 == 2, found):
        if element.tag == _SYNTAX:
            syntax = data[element.start : element.start + min(element.length, 64)].decode("latin-1").strip(" \0")
        start = element.start + element.length
    if not syntax:
        raise ends_early(name, "DICOM", "how it is written (its Transfer Syntax) is not told")
    return syntax, start


def _inflated(deflated: bytes, most: int, name: str) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, most)
    except zlib.error as error:
        raise damaged(name, "DICOM", f"it cannot be inflated ({error})") from error
