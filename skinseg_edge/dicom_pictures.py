"""Photographs in DICOM files, brought to 8-bit RGB (PS3.3, C.7.6.3.1.2 and C.7.9).

- Y, Cb, Cr (YBR_FULL, YBR_FULL_422) become R, G, B once, by the equations of the standard, which are JPEG's.
- A palette's colours are looked up; grey becomes R = G = B, MONOCHROME1 turned round.
- More than 8 bits stored are scaled: the whole range is kept. Windows and other transformations for a display are not
  applied, and colour profiles are ignored, as in every picture here.
"""

import logging

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.dicom_compressed import Levels
from skinseg_edge.dicom_frames import stored_levels
from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.picture_formats.dicom import DicomImage, described
from skinseg_edge.picture_formats.header import damaged

__all__ = ["dicom_pixels"]

_log = logging.getLogger(__name__)

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_GREYS = ("MONOCHROME1", "MONOCHROME2")
_ICC_PROFILE = 0x00282000


def dicom_pixels(data: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the photograph in a DICOM file to (H, W, 3) uint8 RGB; *name* is what errors call the file.

    Raises PictureUnreadable if it is damaged, its colours are told in a way that is not read here, or nothing here
    decompresses it.
    """
    image = described(data, name, with_pixels=True)
    _check_numbers(image, name)
    if _ICC_PROFILE in image.values:
        _log.info("the colour profile of %s is ignored: its numbers are taken as sRGB", name)
    levels, meaning = stored_levels(image, name)
    if meaning == "PALETTE COLOR":
        return _looked_up(levels[:, :, 0], image, name)
    eight = _eight_bits(levels, image.bits_stored)
    if meaning in _GREYS:
        grey = 255 - eight if meaning == "MONOCHROME1" else eight
        return np.repeat(grey, 3, axis=2)
    # Uncompressed pixels are the file's own bytes, which nobody may write to: those are copied.
    return np.require(eight, requirements=["C", "W"]) if meaning == "RGB" else _rgb_of_ycbcr(eight)


def _check_numbers(image: DicomImage, name: str) -> None:
    """Check that the numbers are of a kind that is read here, before time is spent on decoding them."""
    one, three = (*_GREYS, "PALETTE COLOR"), _COLOURS
    if image.photometric not in (one if image.samples == 1 else three):
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file whose {image.samples} numbers a pixel are "
            f"{image.photometric[:16]!r}, expected {', '.join(one if image.samples == 1 else three)}; export it as RGB"
        )
    if image.whole(0x00280103) == 1:
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file whose pixels may be less than 0, which no photograph's are; "
            "export it as RGB"
        )
    high = image.whole(0x00280102)
    if not 0 < image.bits_stored <= image.bits_allocated or high not in (None, image.bits_stored - 1):
        raise damaged(
            name,
            "DICOM",
            f"its header says {image.bits_stored} of {image.bits_allocated} bits with {high} as the highest",
        )


def _eight_bits(levels: Levels, bits: int) -> NDArray[np.uint8]:
    """Scale 0 to 2^bits - 1 to 0 to 255, rounded; bits above those that count are left out."""
    if bits == 8 and levels.dtype == np.uint8:
        return np.asarray(levels, np.uint8)
    most = (1 << bits) - 1
    numbers = np.arange(most + 1, dtype=np.uint32)
    table = ((numbers * 255 + most // 2) // most).astype(np.uint8)
    return np.take(table, levels & levels.dtype.type(most))


def _rgb_of_ycbcr(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    swapped = np.ascontiguousarray(levels[:, :, (0, 2, 1)])  # OpenCV has Y, Cr, Cb
    return np.asarray(cv2.cvtColor(swapped, cv2.COLOR_YCrCb2RGB), np.uint8)


def _looked_up(numbers: Levels, image: DicomImage, name: str) -> NDArray[np.uint8]:
    """Take each pixel's colour out of the palette; numbers outside it take its first or last one (C.7.6.3.1.5)."""
    tables = [_table(image, channel, name) for channel in range(3)]
    first = image.values[0x00281101][2:4]
    start = int.from_bytes(first, "big" if image.encoding.is_big_endian else "little")
    if len({len(table) for table in tables}) != 1:
        raise damaged(name, "DICOM", "the three tables of its palette differ in length")
    colours = np.stack(tables, axis=1)
    places = np.clip(numbers.astype(np.int32) - start, 0, len(colours) - 1)
    return np.take(colours, places, axis=0)


def _table(image: DicomImage, channel: int, name: str) -> NDArray[np.uint8]:
    """Return one channel of the palette, (entries,) uint8."""
    descriptor, data = image.values.get(0x00281101 + channel, b""), image.values.get(0x00281201 + channel, b"")
    if not data and 0x00281221 in image.values:
        raise PictureUnreadable(
            f"cannot read {name}: it is a DICOM file whose palette is told in segments, which is not read here; export "
            "it as RGB"
        )
    order = image.encoding.order
    entries, bits = (int(number) for number in np.frombuffer(descriptor[:6].ljust(6, b"\0"), f"{order}u2")[::2])
    entries = entries or 65536
    # Tables of 8 bits come as bytes, or with a whole word for each.
    wide = len(data) >= 2 * entries
    if order == ">" and not wide:  # two entries share a word, the first its lower byte
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    levels = np.frombuffer(data[: 2 * entries], f"{order}u2") if wide else np.frombuffer(data[:entries], np.uint8)
    if bits not in (8, 16) or len(levels) != entries or (bits == 16 and not wide):
        raise damaged(name, "DICOM", f"a table of its palette has {len(data)} bytes for {entries} entries of {bits}")
    return _eight_bits(np.asarray(levels, np.uint16), bits) if wide else np.asarray(levels, np.uint8)
