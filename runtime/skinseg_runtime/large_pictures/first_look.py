"""What the first look found, at the network's own resolution: where to look again is decided on this."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.preprocessing import Placement
from skinseg_runtime.large_pictures.look import Box
from skinseg_runtime.postprocessing import mask_from_probability
from skinseg_runtime.segmentation import Segmentation

__all__ = ["Found", "covered_part", "found_in"]


@dataclass(frozen=True)
class Found:
    """The lesions of a look together.

    *share*: of the photo's area, 0 to 1. *box*: around all of them, px of the photo, at least one px wide and high.
    """

    share: float
    box: Box

    @property
    def hw(self) -> tuple[int, int]:
        """Rows and columns of the box, px."""
        top, left, bottom, right = self.box
        return bottom - top, right - left


def covered_part(segmentation: Segmentation) -> NDArray[np.float32]:
    """Return the map without a letterbox's border: (K, covered rows, covered columns) float32, a view."""
    top, left, bottom, right = segmentation.placement.input_box
    return segmentation.network_probability[:, top:bottom, left:right]


def found_in(segmentation: Segmentation) -> Found | None:
    """Say where the lesions of a look lie, to within a pixel of the network; None where there is none."""
    part = covered_part(segmentation)
    covered_hw = (part.shape[1], part.shape[2])
    whole = (0, 0, *covered_hw)
    at_its_size = Placement(covered_hw, covered_hw, whole, whole)
    mask = mask_from_probability(part, at_its_size, segmentation.contract, segmentation.rules)
    if not mask.any():
        return None
    top, left, bottom, right = segmentation.placement.photo_box
    rows, columns = segmentation.photo_hw
    seen = (bottom - top) * (right - left) / (rows * columns)
    y0, y1 = _scaled(_extent(np.max(mask, axis=1)), covered_hw[0], top, bottom)
    x0, x1 = _scaled(_extent(np.max(mask, axis=0)), covered_hw[1], left, right)
    return Found(float(mask.mean()) * seen, (y0, x0, y1, x1))


def _extent(line: NDArray[np.bool_]) -> tuple[int, int]:
    places = np.flatnonzero(line)
    return int(places[0]), int(places[-1]) + 1


def _scaled(extent: tuple[int, int], of: int, first: int, last: int) -> tuple[int, int]:
    """Carry an extent on an axis of *of* pixels to the photo's from *first* to *last*, rounded outwards."""
    start, end = extent
    length = last - first
    return first + start * length // of, first - (-end * length // of)
