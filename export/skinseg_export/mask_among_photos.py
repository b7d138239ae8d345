"""Tell a mask that lies among photos: a folder chosen one level too deep calibrates or judges on drawings."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import DatasetUnusable

__all__ = ["check_is_photo"]

_NEAR = 16  # levels: what JPEG makes of black and white
# Of the 2,000 photos of ISIC 2018 used here none has more than 0.46 of its pixels there, and no mask less than 0.99.
_MOST_OF_A_PHOTO = 0.9


def check_is_photo(path: Path, pixels: NDArray[np.uint8], task: str) -> None:
    """Check that a picture, (H, W, 3) uint8 RGB, is more than black and white. *task*: such as "calibrate with".

    Raises DatasetUnusable naming *path*.
    """
    is_black, is_white = pixels.max(axis=2) < _NEAR, pixels.min(axis=2) > 255 - _NEAR
    share = float((is_black | is_white).mean())
    if share > _MOST_OF_A_PHOTO and is_white.any():
        raise DatasetUnusable(
            f"cannot {task} {path}: {share:.0%} of it is black or white, as in a mask, expected a photo; name the "
            "folder that holds the photos, or remove the masks from among them"
        )
