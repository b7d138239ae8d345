"""A photo of a printed card with a round lesion in its window, as a pinhole camera sees it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card.layout import CARD_MM, WINDOW

__all__ = ["PhotographedCard", "photograph"]

_HW = (1200, 1600)
_FOCAL_PX = 1333.0
_DISTANCE_MM = 150.0
_MIDDLE_MM = (WINDOW.x + WINDOW.width / 2, WINDOW.y + WINDOW.height / 2)


@dataclass(frozen=True, eq=False)
class PhotographedCard:
    """*photo*: (H, W, 3) uint8 RGB; *mask*: (H, W) bool, the lesion."""

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def photograph(
    card: NDArray[np.uint8],
    tilt_degrees: float,
    *,
    diameter_mm: float = 12.0,
    printed: float = 1.0,
    lesion: tuple[int, int, int] = (96, 60, 50),
) -> PhotographedCard:
    """Lay a card, as pixels, on skin with a disc in the middle of its window.

    *printed*: how large it came out. *lesion*: the disc's colour, RGB.
    """
    per_mm = card.shape[1] / CARD_MM[0]
    to_photo = _camera(tilt_degrees)  # from mm on the skin, the window's middle at (0, 0)
    from_card = np.array([[1 / per_mm, 0, 0.5 / per_mm], [0, 1 / per_mm, 0.5 / per_mm], [0, 0, 1]])
    to_skin = np.diag([printed, printed, 1.0]) @ np.array([[1, 0, -_MIDDLE_MM[0]], [0, 1, -_MIDDLE_MM[1]], [0, 0, 1]])
    laid = to_photo @ to_skin @ from_card
    windowed = card.copy()
    left, top, width, height = (round(side * per_mm) for side in WINDOW)
    windowed[top : top + height, left : left + width] = (205, 165, 146)
    photo = cv2.warpPerspective(
        windowed, laid, _HW[::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_CONSTANT, borderValue=(205, 165, 146)
    )
    mask = _disc(np.asarray(np.linalg.inv(to_photo), np.float64), diameter_mm / 2)
    pixels = np.where(mask[:, :, None], lesion, photo).astype(np.float32)
    noise = np.random.default_rng(7).normal(0, 3, pixels.shape)
    return PhotographedCard(np.clip(cv2.GaussianBlur(pixels, (0, 0), 0.8) + noise, 0, 255).astype(np.uint8), mask)


def _camera(tilt_degrees: float) -> NDArray[np.float64]:
    tilt = math.radians(tilt_degrees)
    turn = np.array([[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]])
    lens = np.array([[_FOCAL_PX, 0, _HW[1] / 2], [0, _FOCAL_PX, _HW[0] / 2], [0, 0, 1]])
    place = np.column_stack([turn[:, 0], turn[:, 1], (0, 0, _DISTANCE_MM)])
    return np.asarray(lens @ place, np.float64)


def _disc(to_skin: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: _HW[0], : _HW[1]].astype(np.float64)
    across, down, weight = (row[0] * x + row[1] * y + row[2] for row in to_skin)
    return np.asarray((across / weight) ** 2 + (down / weight) ** 2 <= radius**2, np.bool_)
