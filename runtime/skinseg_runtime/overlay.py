"""The outline of a mask drawn on its photo: a thin light line on a dark one, so that it shows on any skin.

The inside stays as it is: whoever judges the outline wants to see the lesion.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["LIGHT", "draw"]

LIGHT = (92, 240, 224)  # RGB; turquoise is what skin, pigment and blood never are
_DARK = (12, 24, 32)
_LIGHT_WIDTH = 1 / 500  # of the photo's diagonal: 10 px at 12 megapixels
_THINNEST = 1.5  # px; below, the line would break up
_DARK_WIDTH = 2.2  # times the light one


def draw(
    photo: NDArray[np.uint8], mask: NDArray[np.bool_], *, light: tuple[int, int, int] = LIGHT
) -> NDArray[np.uint8]:
    """Return a copy of *photo* with the outline of *mask*.

    *photo*: (H, W, 3) uint8 RGB. *mask*: (H, W) bool. *light*: RGB of the inner line, 0 to 255. The lines' width grows
    with the photo. Where the mask ends only because the photo does, there is no line.

    Raises ValueError if photo.shape[:2] != mask.shape.
    """
    if photo.shape[:2] != mask.shape:
        raise ValueError(f"the photo is {photo.shape}, the mask {mask.shape}: expected the same rows and columns")
    drawn = photo.copy()
    width = max(_THINNEST, _LIGHT_WIDTH * float(np.hypot(*mask.shape)))
    left, top, columns, rows = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    if columns == 0 or mask.all():
        return drawn
    margin = int(np.ceil(width * _DARK_WIDTH * 2))  # how far the line and its smoothing reach
    window = (
        slice(max(0, top - margin), top + rows + margin),
        slice(max(0, left - margin), left + columns + margin),
    )
    distance = _smoothed_distance(mask[window], width)
    near = np.nonzero(distance < width * _DARK_WIDTH)
    colours = drawn[window][near].astype(np.float32)
    for colour, thickness in ((_DARK, width * _DARK_WIDTH), (light, width)):
        # How much of the pixel the line covers: 1 within, falling to 0 over one pixel at its edge.
        cover = np.clip(thickness / 2 + 0.5 - distance[near], 0, 1)[:, None]
        colours += cover * (np.array(colour, np.float32) - colours)
    drawn[window][near] = np.rint(colours).astype(np.uint8)
    return drawn


def _smoothed_distance(mask: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Return each pixel's distance from the mask's edge, px; smoothed so that the edge's steps do not show."""
    inside = cv2.distanceTransform(
        mask.view(np.uint8) if mask.flags.c_contiguous else mask.astype(np.uint8), cv2.DIST_L2, 5
    )
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    signed = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)  # the edge runs between two pixels
    return np.abs(cv2.GaussianBlur(signed, (0, 0), max(0.7, width / 2)))
