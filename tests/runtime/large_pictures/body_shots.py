"""Drawn body shots: one small lesion with points that a small map cannot show, on plain skin."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.runtime.tiny_bundle import LESION, SKIN

BODY_HW = (768, 1152)


def body_shot(
    hw: tuple[int, int] = BODY_HW, radius: int = 30, at: tuple[int, int] = (901, 203)
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a six-pointed star, whose points a small map cannot show, on skin; *at*: x and y."""
    turns = np.arange(12) * np.pi / 6
    reach = np.where(np.arange(12) % 2 == 0, radius, radius / 2)
    points = np.stack([at[0] + reach * np.cos(turns), at[1] + reach * np.sin(turns)], axis=1)
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return np.where(mask[:, :, None] == 1, LESION, SKIN).astype(np.uint8), mask == 1


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return np.asarray(encoded).tobytes()
