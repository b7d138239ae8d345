from pathlib import Path

import numpy as np
import pytest

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import decode, encode_png
from skinseg_export.mask_among_photos import check_is_photo


def test_a_mask_is_told_by_name() -> None:
    mask = decode(encode_png(draw(0, (120, 160)).mask)).pixels

    with pytest.raises(
        DatasetUnusable, match=r"cannot judge on masks/a\.png: 100% of it is black or white, as in a mask"
    ):
        check_is_photo(Path("masks/a.png"), mask, "judge on")


def test_a_photo_is_none_be_it_dark_or_vignetted() -> None:
    photo = draw(0, (120, 160)).photo
    rows, columns = np.ogrid[-1:1:120j, -1:1:160j]
    vignetted = np.where((rows**2 + columns**2 < 0.8)[..., None], photo, np.uint8(0))

    for picture in (photo, photo // 16, vignetted):
        check_is_photo(Path("a.png"), picture, "judge on")


def test_every_real_photo_is_one(real_data: Path) -> None:
    for path in sorted((real_data / "isic2018" / "images").iterdir())[::40]:
        check_is_photo(path, decode(path, at_least_hw=(256, 256)).pixels, "judge on")
