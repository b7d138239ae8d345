"""A lesion as it would look straight from above: its mask carried to the plane of the card."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.scale import local_lengths

__all__ = ["Flat", "laid_flat"]

_LONGEST_SIDE = 4096  # px of the flat picture; a plane seen at a glancing angle would ask for any number


@dataclass(frozen=True, eq=False)
class Flat:
    """*region*: (rows, columns) uint8, 1 inside; *mm_per_px*: of it; *to_flat*: (3, 3), from the lesion's window."""

    region: NDArray[np.uint8]
    mm_per_px: float
    to_flat: NDArray[np.float64]


def laid_flat(region: NDArray[np.uint8], corner: tuple[int, int], homography: NDArray[np.float64]) -> Flat | None:
    """Carry a region to a plane, at about as many pixels as it has in the photo.

    *region*: (rows, columns) uint8, 1 inside, the lesion's window, whose first pixel is at *corner* (x, y) of the
    photo. *homography*: (3, 3) float64, from the photo, px, to the plane, mm. None if the plane's horizon
    runs through the window, or nothing is left of the region: then it cannot lie in that plane.
    """
    rows, columns = region.shape
    to_mm = homography @ np.array([[1, 0, corner[0]], [0, 1, corner[1]], [0, 0, 1]], np.float64)
    ends = np.array([(x, y, 1) for x in (-0.5, columns - 0.5) for y in (-0.5, rows - 0.5)]) @ to_mm.T  # (4, 3)
    if ends[:, 2].min() * ends[:, 2].max() <= 0:
        return None
    places = ends[:, :2] / ends[:, 2:]
    first, extent = places.min(axis=0), float(np.ptp(places, axis=0).max())
    pitch = max(math.sqrt(math.prod(local_lengths(to_mm, ((columns - 1) / 2, (rows - 1) / 2)))), extent / _LONGEST_SIDE)
    to_flat = (
        np.array([[1 / pitch, 0, 0.5 - first[0] / pitch], [0, 1 / pitch, 0.5 - first[1] / pitch], [0, 0, 1]]) @ to_mm
    )
    width, height = (math.ceil(side) + 2 for side in np.ptp(places, axis=0) / pitch)  # a margin of a pixel all around
    levels = cv2.warpPerspective(region * np.uint8(255), to_flat, (width, height), flags=cv2.INTER_LINEAR)
    flat = (np.asarray(levels) >= 128).view(np.uint8)
    return Flat(flat, pitch, to_flat) if flat.any() else None
