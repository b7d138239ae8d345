"""How the eight EXIF orientations turn a stored picture upright."""

from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["upright"]

_Level = TypeVar("_Level", np.uint8, np.uint16)

# EXIF 2.32, tag 274: where the stored row 0 and column 0 belong in the upright picture.
_TURNS: dict[int, Callable[..., object]] = {
    2: lambda pixels: cv2.flip(pixels, 1),  # top right: mirrored left to right
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),  # bottom right
    4: lambda pixels: cv2.flip(pixels, 0),  # bottom left: mirrored top to bottom
    5: cv2.transpose,  # left top
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),  # right top: a phone held upright
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),  # right bottom
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),  # left bottom
}


def upright(pixels: NDArray[_Level], orientation: int) -> NDArray[_Level]:
    """Turn *pixels*, (H, W) or (H, W, C), as EXIF *orientation* (1 to 8) says; 1 returns the same array."""
    if orientation == 1:
        return pixels
    return np.asarray(_TURNS[orientation](pixels), dtype=pixels.dtype)
