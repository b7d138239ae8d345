"""The lesion and the skin around it at one fixed size, so that a figure means the same on every camera.

The variance of a Laplacian rose from 29 to 2847 when one texture was shown at a quarter of its size: whatever looks at
detail has to look at a size that does not depend on the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements import Lesion

__all__ = ["SIDE", "CloseUp", "close_up", "hw_for_close_up"]

SIDE = 256
"""Longest side of a close-up, px: what the network sees of a whole photo."""

_MARGIN = 0.25  # of the lesion's longer side, on each side of it
_GAP = 0.02  # of SIDE: a lesion's border is blurred, and belongs to neither
_RING = 0.12  # of SIDE


@dataclass(frozen=True, eq=False)
class CloseUp:
    """The lesion and its surroundings.

    *pixels*: (h, w, 3) uint8 RGB, the longer side is SIDE. *lesion*, *ring*: (h, w) bool, the lesions, and the skin
    around them without their blurred border. Without a lesion the close-up is the whole photo, and all of it is ring.
    """

    pixels: NDArray[np.uint8]
    lesion: NDArray[np.bool_]
    ring: NDArray[np.bool_]


def close_up(photo: NDArray[np.uint8], mask: NDArray[np.bool_], largest: Lesion | None) -> CloseUp:
    """Cut the surroundings of the *largest* lesion out of a photo.

    *photo*: (H, W, 3) uint8 RGB, the photo or a reduced decoding of it. *mask*: (rows, columns) bool at photo size.
    The lesion's box is in the mask's pixels. Other lesions in the same window belong to `CloseUp.lesion` too.
    """
    box = (0, 0, mask.shape[1], mask.shape[0]) if largest is None else _grown(largest.box, mask.shape)
    x0, y0, x1, y1 = box
    to_x, to_y = photo.shape[1] / mask.shape[1], photo.shape[0] / mask.shape[0]
    left, top = int(x0 * to_x), int(y0 * to_y)
    right, bottom = max(left + 1, round(x1 * to_x)), max(top + 1, round(y1 * to_y))
    pixels = _resized(photo[top:bottom, left:right])
    columns_rows = (pixels.shape[1], pixels.shape[0])
    window = mask[y0:y1, x0:x1].view(np.uint8)
    lesion = np.asarray(cv2.resize(window, columns_rows, interpolation=cv2.INTER_NEAREST)).view(np.bool_)
    return CloseUp(pixels, lesion, _ring(lesion))


def hw_for_close_up(photo_hw: tuple[int, int], largest: Lesion | None) -> tuple[int, int]:
    """Return the fewest rows and columns of a reduced decoding of the photo that still has all of a close-up's detail.

    Twice as many as the close-up shows, so that what the decoder's own reduction does to detail is averaged out. For
    `skinseg_edge.image_io.decode(path, at_least_hw=...)`.
    """
    box = (0, 0, photo_hw[1], photo_hw[0]) if largest is None else _grown(largest.box, photo_hw)
    scale = min(1.0, 2 * SIDE / max(box[2] - box[0], box[3] - box[1]))
    return math.ceil(photo_hw[0] * scale), math.ceil(photo_hw[1] * scale)


def _grown(box: tuple[int, int, int, int], photo_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    margin = round(_MARGIN * max(x1 - x0, y1 - y0))
    return max(0, x0 - margin), max(0, y0 - margin), min(photo_hw[1], x1 + margin), min(photo_hw[0], y1 + margin)


def _resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring the longer side to SIDE; what has fewer pixels is enlarged, and then lacks detail as it should.

    Halved as often as that leaves enough: at exactly one half, INTER_LINEAR is the mean of four pixels and takes a
    tenth of the time of INTER_AREA.
    """
    rows, columns = pixels.shape[:2]
    while max(rows, columns) >= 4 * SIDE and min(rows, columns) >= 2:
        even = pixels[: rows // 2 * 2, : columns // 2 * 2]
        rows, columns = rows // 2, columns // 2
        pixels = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)
    scale = SIDE / max(rows, columns)
    columns_rows = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, columns_rows, interpolation=how), np.uint8)


def _ring(lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not lesion.any():
        return ~lesion
    away = np.asarray(cv2.distanceTransform((~lesion).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3))
    return np.asarray((away > _GAP * SIDE) & (away <= (_GAP + _RING) * SIDE), np.bool_)
