"""Outlines for a screen, few points in 0..1 of the photo, which fit whatever size it is shown at; and masks to keep."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["mask_outlines", "mask_png", "on_screen"]

_TOLERANCE = 1 / 2500  # of the longer side; a screen shows less

Outline = list[list[float]]


def on_screen(polygons: Sequence[NDArray[np.float32]], photo_hw: tuple[int, int]) -> list[Outline]:
    """Return polygons, each (P, 2) (x, y) px with pixel centres at integers, with x and y in 0..1 of the photo.

    Points that lie within 1/2500 of the longer side from the line without them are left out.
    """
    rows, columns = photo_hw
    tolerance = max(photo_hw) * _TOLERANCE
    simple = (
        cv2.approxPolyDP(polygon.astype(np.float32)[:, None, :], tolerance, True)[:, 0, :] for polygon in polygons
    )
    return [
        [[round((x + 0.5) / columns, 5), round((y + 0.5) / rows, 5)] for x, y in points.tolist()] for points in simple
    ]


def mask_outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    """Return the outer borders of a mask's regions, each (P, 2) float32 (x, y) px."""
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, np.float32).reshape(-1, 2) for contour in found]


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    """Encode a mask as a PNG of one bit a pixel: an eighth of the bytes to pack, which is what takes the time."""
    levels = mask.view(np.uint8) * np.uint8(255)
    _, encoded = cv2.imencode(".png", levels, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return bytes(encoded.tobytes())
