"""A DICOM file put together byte by byte is read without pydicom, on the lowest versions, too."""

import numpy as np
import pytest

from skinseg_edge.errors import PictureUnreadable
from skinseg_edge.image_io import decode
from skinseg_edge.picture_header import check_whole, read_header
from tests.dicom_by_hand import dicom_photograph

LEVELS = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)


def written(pixels: bytes) -> bytes:
    return dicom_photograph(2, 3, pixels)


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
