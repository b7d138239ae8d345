"""Shapes whose figures can be told by hand, drawn from their formulas: a pixel is inside when its centre is."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def drawn(
    is_inside: Callable[[Points, Points], NDArray[np.bool_]],
    reach: float,
    angle_degrees: float = 0,
    offset: tuple[float, float] = (0.3, -0.2),
) -> NDArray[np.bool_]:
    """Draw where *is_inside*(x, y) holds, within *reach* px of the origin, turned by an angle, clockwise on screen."""
    half = math.ceil(reach) + 5
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    x, y = x - offset[0], y - offset[1]
    turn = math.radians(angle_degrees)
    return is_inside(math.cos(turn) * x + math.sin(turn) * y, math.cos(turn) * y - math.sin(turn) * x)


def ellipse(half_length: float, half_width: float, angle_degrees: float = 0) -> NDArray[np.bool_]:
    return drawn(lambda x, y: (x / half_length) ** 2 + (y / half_width) ** 2 <= 1, half_length, angle_degrees)


def polygon(corners: Points, angle_degrees: float = 0) -> NDArray[np.bool_]:
    """Draw a polygon of (P, 2) corners (x, y), px from the middle of the picture."""
    reach = float(np.abs(corners).max() * math.sqrt(2))
    half, turn = math.ceil(reach) + 5, math.radians(angle_degrees)
    turned = corners @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) + half
    # Four times as fine, then every fourth pixel: cv2.fillPoly also fills the border's pixels.
    fine = cv2.fillPoly(np.zeros((8 * half + 1, 8 * half + 1), np.uint8), [np.rint(turned * 4).astype(np.int32)], 1)
    return np.ascontiguousarray(fine[::4, ::4] == 1)


def star(outer: float, inner: float) -> Points:
    """Return the ten corners, (10, 2), of a regular star of five points with the radii *outer* and *inner*, px."""
    radii, angles = np.where(np.arange(10) % 2 == 0, outer, inner), np.arange(10) * math.pi / 5
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def triangle(base: float, height: float) -> Points:
    """Return the corners, (3, 2), of an isosceles triangle that lies on its side, px from its centroid."""
    return np.array([(-height / 3, -base / 2), (-height / 3, base / 2), (2 * height / 3, 0)])


def potato(size: float, angle_degrees: float = 0) -> NDArray[np.bool_]:
    """Draw a smooth lump without any symmetry, about *size* px from its middle to its farthest border."""

    def is_inside(x: Points, y: Points) -> NDArray[np.bool_]:
        around, away = np.arctan2(y, x), np.hypot(x, y)
        border = 0.68 + 0.17 * np.cos(2 * around) + 0.09 * np.cos(3 * around + 0.7) + 0.05 * np.sin(around)
        return np.asarray(away <= size * border, np.bool_)

    return drawn(is_inside, size, angle_degrees)
