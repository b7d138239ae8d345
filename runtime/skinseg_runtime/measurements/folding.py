"""A lesion turned to its principal axes and folded about each: how far its halves differ.

Both folds are done on one small grid, at most 259 points a side, whatever the photo's size. The grid keeps the shape's
asymmetry within 0.01 of what all pixels give, for lesions at least 64 px wide; smaller ones are within 0.04.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.shape import Shape

__all__ = ["Alignment", "align", "coverage", "fold_difference", "sampled", "shape_asymmetry"]

_REACH = 128  # grid points from the centroid to the farthest border


@dataclass(frozen=True, eq=False)
class Alignment:
    """*to_grid*: (3, 3) float64, carries (x, y) of a lesion's window, px, to the grid; *side*: points a side, odd.

    The grid's middle point is the centroid, its rows run along the major axis.
    """

    to_grid: NDArray[np.float64]
    side: int


def align(shape: Shape, to_shape: NDArray[np.float64] | None = None) -> Alignment:
    """Make the grid of a shape; never finer than its pixels.

    *to_shape*: (3, 3) float64, carries the lesion's window to the picture that *shape* was measured in; None where that
    is the window itself.
    """
    from_centroid = shape.hull - np.array(shape.centroid)
    turn = np.array([[math.cos(shape.angle), math.sin(shape.angle)], [-math.sin(shape.angle), math.cos(shape.angle)]])
    reach = float(np.abs(from_centroid @ turn.T).max())
    step = max(1.0, reach / _REACH)  # px
    half = math.ceil(reach / step) + 1
    to_grid = np.eye(3)
    to_grid[:2, :2] = turn / step
    to_grid[:2, 2] = half - to_grid[:2, :2] @ np.array(shape.centroid)
    return Alignment(to_grid if to_shape is None else to_grid @ to_shape, 2 * half + 1)


def coverage(region: NDArray[np.bool_], alignment: Alignment) -> NDArray[np.float32]:
    """Return how much of each grid point is lesion, (side, side) float32 in [0, 1]; *region*: the lesion's window."""
    levels = region.view(np.uint8) * np.uint8(255)
    return sampled(levels, alignment, np.eye(3), outside=cv2.BORDER_CONSTANT) / np.float32(255)


def sampled(
    picture: NDArray[np.uint8], alignment: Alignment, to_window: NDArray[np.float64], *, outside: int
) -> NDArray[np.float32]:
    """Return a picture on the grid, (side, side) or (side, side, 3) float32 in [0, 255].

    *picture*: (h, w) or (h, w, 3) uint8. *to_window*: (3, 3) float64, carries its (x, y) to the lesion's window, px.
    *outside*: what OpenCV takes for pixels beyond its border. What is finer than the grid is averaged first.
    """
    to_grid = alignment.to_grid @ to_window
    middle = (picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2
    factor = max(1, math.floor(1 / math.sqrt(abs(_magnification(to_grid, middle)))))
    reduced = _averaged(picture, factor, outside)
    centred = (factor - 1) / 2
    from_reduced = np.array([[factor, 0, centred], [0, factor, centred], [0, 0, 1]], np.float64)
    size = (alignment.side, alignment.side)
    warped = cv2.warpPerspective(reduced, to_grid @ from_reduced, size, flags=cv2.INTER_LINEAR, borderMode=outside)
    return np.asarray(warped, np.float32)


def shape_asymmetry(lesion: NDArray[np.float32]) -> float:
    """Return (A1 + A2) / (2 A), 0 to 1; see `Lesion.asymmetry`. *lesion*: (side, side) float32, from `coverage`."""
    apart = sum(float(np.abs(lesion - cv2.flip(lesion, axis)).sum()) / 2 for axis in (0, 1))
    return apart / (2 * float(lesion.sum()))


def fold_difference(lesion: NDArray[np.float32], lab: NDArray[np.float32]) -> float:
    """Return the mean difference of colours that fall on each other, in units of L*a*b*; see `Colour.asymmetry`.

    *lesion*: (side, side) float32, from `coverage`. *lab*: (side, side, 3) float32.
    """
    folds = []
    for axis in (0, 1):
        both = lesion * cv2.flip(lesion, axis)
        difference = np.sqrt(((lab - cv2.flip(lab, axis)) ** 2).sum(axis=2))
        folds.append(float((both * difference).sum()) / max(float(both.sum()), 1e-6))
    return sum(folds) / 2


def _magnification(homography: NDArray[np.float64], point: tuple[float, float]) -> float:
    """Return by how much areas grow around *point*: the Jacobian's determinant."""
    weight = float(homography[2] @ np.array([*point, 1.0]))
    return float(np.linalg.det(homography)) / weight**3


def _averaged(picture: NDArray[np.uint8], factor: int, outside: int) -> NDArray[np.uint8]:
    """Return the means of squares of *factor* by *factor* pixels; the last ones are filled up beyond the border."""
    if factor == 1:
        return picture
    rows, columns = picture.shape[:2]
    filled = cv2.copyMakeBorder(picture, 0, -rows % factor, 0, -columns % factor, outside)
    size = (filled.shape[1] // factor, filled.shape[0] // factor)
    return np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_AREA), np.uint8)
