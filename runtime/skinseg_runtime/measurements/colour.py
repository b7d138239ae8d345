"""The colours of a lesion in L*a*b*, as the photo shows them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.folding import Alignment, coverage, fold_difference, sampled

__all__ = ["Colour", "colour_of"]


@dataclass(frozen=True, kw_only=True)
class Colour:
    """A lesion's colours in CIE 1976 L*a*b* (D65), the photo taken for sRGB; L* is 0 to 100, a* and b* about +-100.

    *mean*, *standard_deviation*: of L*, a* and b* over the lesion. *asymmetry*: mean colour difference Delta E*ab (CIE
    1976: the distance in L*a*b*) of the points that fall on each other when the lesion is folded about its principal
    axes, the mean of both folds: 0 where the colours mirror each other. Folding by colour follows Pellacani, Grana &
    Seidenari 2006 (J. Eur. Acad. Dermatol. Venereol. 20:1214-1219); the figure is ours, compare it with no other's.

    All of them on the fold's grid, so fine noise is averaged out in large photos. Photos are not colour-calibrated:
    white balance and exposure move these figures, so compare photos of one camera in one light only.
    """

    mean: tuple[float, float, float]
    standard_deviation: tuple[float, float, float]
    asymmetry: float

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`, to 0.01."""
        return {
            "space": "CIE 1976 L*a*b*, D65, from sRGB",
            "mean": [round(value, 2) for value in self.mean],
            "standard_deviation": [round(value, 2) for value in self.standard_deviation],
            "asymmetry": round(self.asymmetry, 2),
        }


def colour_of(
    region: NDArray[np.bool_],
    corner: tuple[int, int],
    mask_hw: tuple[int, int],
    photo: NDArray[np.uint8],
    alignment: Alignment,
) -> Colour:
    """Measure the colours of one lesion.

    *region*: (rows, columns) bool, the lesion's window of the mask, whose first pixel is at *corner* (x, y). *mask_hw*:
    rows and columns of the mask. *photo*: (h, w, 3) uint8 RGB, the whole picture, perhaps reduced. *alignment*: the
    lesion's, from its window.
    """
    lesion = coverage(region, alignment)
    crop, to_window = _crop(photo, region.shape, corner, mask_hw)
    pixels = sampled(crop, alignment, to_window, outside=cv2.BORDER_REPLICATE)
    inside = lesion > 0
    lab = np.zeros_like(pixels)
    points = pixels[inside][:, None] / np.float32(255)  # (P, 1, 3)
    lab[inside] = found = np.asarray(cv2.cvtColor(points, cv2.COLOR_RGB2Lab)[:, 0], np.float32)  # (P, 3)
    weights = lesion[inside].astype(np.float64)
    mean = weights @ found / weights.sum()
    variance = weights @ (found - mean) ** 2 / weights.sum()
    return Colour(
        mean=_triple(mean), standard_deviation=_triple(np.sqrt(variance)), asymmetry=fold_difference(lesion, lab)
    )


def _crop(
    photo: NDArray[np.uint8], window_hw: tuple[int, ...], corner: tuple[int, int], mask_hw: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the part of the photo around a window, and (3, 3) float64, which carries its (x, y) to the window."""
    per_pixel = np.array([mask_hw[1] / photo.shape[1], mask_hw[0] / photo.shape[0]])  # mask px in one of the photo's
    first = np.array(corner)
    start = np.maximum(np.floor(first / per_pixel).astype(int) - 1, 0)
    end = np.ceil((first + np.array(window_hw[1::-1])) / per_pixel).astype(int) + 1
    crop = np.ascontiguousarray(photo[start[1] : end[1], start[0] : end[0]])
    to_window = np.diag([*per_pixel, 1.0])
    to_window[:2, 2] = (start + 0.5) * per_pixel - 0.5 - first
    return crop, to_window


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    lightness, red, yellow = (float(value) for value in values)
    return lightness, red, yellow
