"""A DICOM file put together byte by byte: what is read needs no pydicom, on the lowest versions either."""

import struct

import numpy as np
import pytest

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.image_io import decode
from skinseg_edge.picture_header import check_whole, read_header

LEVELS = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
# Each element: its group, its number, its kind and its value, little-endian.
META = ((2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0"),)
PHOTOGRAPH = (
    (8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.77.1.4"),
    (0x28, 2, b"US", b"\3\0"),
    (0x28, 4, b"CS", b"RGB "),
    (0x28, 0x10, b"US", b"\2\0"),
    (0x28, 0x11, b"US", b"\3\0"),
    (0x28, 0x100, b"US", b"\x08\0"),
)


def written(pixels: bytes) -> bytes:
    elements = (struct.pack("<HH2sH", *head, len(value)) + value for *head, value in (*META, *PHOTOGRAPH))
    last = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, len(pixels)) + pixels
    return bytes(128) + b"DICM" + b"".join(elements) + last


def test_a_file_of_the_fewest_elements_gives_its_pixels() -> None:
    data = written(LEVELS.tobytes())

    check_whole(data)
    assert read_header(data).upright_hw == (2, 3)
    assert np.array_equal(decode(data).pixels, LEVELS)


@pytest.mark.parametrize("missing", range(1, 18))
def test_a_file_without_its_last_pixels_is_told_to_end_early(missing: int) -> None:
    with pytest.raises(PictureUnreadable, match=f"it has {18 - missing} of the 18 bytes of its pixels"):
        decode(written(LEVELS.tobytes())[:-missing])


def test_what_lies_behind_the_pixels_is_not_looked_at() -> None:
    assert np.array_equal(decode(written(LEVELS.tobytes()) + b"\xfc\xff\xfc\xffOB\0\0\xff\xff\xff\xff").pixels, LEVELS)
