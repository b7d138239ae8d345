"""A photo of a card with a marker beside a round lesion on flat skin, as a pinhole camera sees it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MARKER_MM = 12.0
PLANE_MM = 60.0
_PER_MM = 30  # px of the drawing that the camera looks at
_HW = (1500, 2000)
_FOCAL_PX = 1700.0
_DISTANCE_MM = 110.0


@dataclass(frozen=True, eq=False)
class CardPhoto:
    """*photo*: (H, W, 3) uint8; *mask*: the lesion; *corners*: (4, 2) of the marker, px, the true ones."""

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    corners: NDArray[np.float64]


def card_photo(
    tilt_degrees: float,
    *,
    diameter_mm: float = 6.0,
    lesion_mm: tuple[float, float] = (42.0, 38.0),
    has_card: bool = True,
) -> CardPhoto:
    """Photograph a disc of *diameter_mm* at *lesion_mm*, (x, y) from the plane's corner; the marker is at (16, 18)."""
    to_photo = _camera(tilt_degrees)
    drawing = _drawing(has_card)
    from_drawing = np.array([[1 / _PER_MM, 0, 0.5 / _PER_MM], [0, 1 / _PER_MM, 0.5 / _PER_MM], [0, 0, 1]])
    photo = cv2.warpPerspective(
        drawing, to_photo @ from_drawing, _HW[::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    mask = _disc(np.asarray(np.linalg.inv(to_photo), np.float64), lesion_mm, diameter_mm / 2)
    pixels = np.where(mask[:, :, None], (96, 60, 50), photo)
    blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.8)
    noise = np.random.default_rng(7).normal(0, 3, blurred.shape)
    return CardPhoto(np.clip(blurred + noise, 0, 255).astype(np.uint8), mask, _marker_corners(to_photo))


def _camera(tilt_degrees: float) -> NDArray[np.float64]:
    """Return the homography from the plane, mm, to the photo, px, for a camera that is turned about the x axis."""
    tilt = math.radians(tilt_degrees)
    turn = np.array([[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]])
    lens = np.array([[_FOCAL_PX, 0, _HW[1] / 2 - 0.3], [0, _FOCAL_PX, _HW[0] / 2 + 0.2], [0, 0, 1]])
    middle = np.array([[1, 0, -PLANE_MM / 2], [0, 1, -PLANE_MM / 2], [0, 0, 1]])
    place = np.column_stack([turn[:, 0], turn[:, 1], (0, 0, _DISTANCE_MM)])
    return np.asarray(lens @ place @ middle, np.float64)


def _drawing(has_card: bool) -> NDArray[np.uint8]:
    side = round(PLANE_MM * _PER_MM)
    drawing = np.full((side, side, 3), (205, 165, 146), np.uint8)
    if has_card:
        drawing[8 * _PER_MM : 28 * _PER_MM, 6 * _PER_MM : 26 * _PER_MM] = 245
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
        marker = cv2.aruco.generateImageMarker(dictionary, 7, round(MARKER_MM * _PER_MM))
        rows, columns = marker.shape
        drawing[12 * _PER_MM : 12 * _PER_MM + rows, 10 * _PER_MM : 10 * _PER_MM + columns] = marker[:, :, None]
    return drawing


def _marker_corners(to_photo: NDArray[np.float64]) -> NDArray[np.float64]:
    square = np.array([[(10, 12), (22, 12), (22, 24), (10, 24)]], np.float64)
    return np.asarray(cv2.perspectiveTransform(square, to_photo)[0], np.float64)


def _disc(to_plane: NDArray[np.float64], middle: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: _HW[0], : _HW[1]].astype(np.float64)
    across, down, weight = (row[0] * x + row[1] * y + row[2] for row in to_plane)
    return np.asarray((across / weight - middle[0]) ** 2 + (down / weight - middle[1]) ** 2 <= radius**2, np.bool_)
