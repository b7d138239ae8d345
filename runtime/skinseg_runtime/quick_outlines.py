"""Outlines for a live picture: taken at the network's size, without ever making the mask of the photo."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.preprocessing import Placement
from skinseg_runtime.mask_cleaning import PostProcessing
from skinseg_runtime.postprocessing import located_mask

__all__ = ["quick_outlines"]


def quick_outlines(
    network_probability: NDArray[np.float32], placement: Placement, contract: ModelContract, rules: PostProcessing
) -> tuple[NDArray[np.float32], ...]:
    """Return the lesions' outlines in the photo, the longest first.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]. Each outline: (P, 2) float32 (x, y), photo
    px, clockwise on screen, the last point joins the first. They pass through the centres of the outermost of the
    network's pixels, so they lie within one of these of the border of `mask_from_probability`. Parts that touch in one
    of the two may be apart in the other, and so may what the rules drop be.

    Raises ValueError if network_probability.shape != (K, *placement.input_hw).
    """
    rows, columns = placement.covered_hw
    top, left, bottom, right = placement.photo_box
    scale = np.array([(right - left) / columns, (bottom - top) / rows], np.float32)
    at_network_size = Placement((rows, columns), placement.input_hw, (0, 0, rows, columns), placement.input_box)
    seen = (bottom - top) * (right - left) / (placement.photo_hw[0] * placement.photo_hw[1])
    of_seen = replace(rules, smallest_of_photo=rules.smallest_of_photo / seen)
    mask, box = located_mask(network_probability, at_network_size, contract, of_seen)
    window = mask[box[0] : box[2], box[1] : box[3]].view(np.uint8)
    if window.size == 0:
        return ()
    found, _ = cv2.findContours(window, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([box[1], box[0]], np.float32)
    # OpenCV goes against the clock on screen. (P, 1, 2) -> (P, 2)
    points = [outline.reshape(-1, 2)[::-1].astype(np.float32) + corner for outline in sorted(found, key=len)[::-1]]
    return tuple(
        (each + np.float32(0.5)) * scale - np.float32(0.5) + np.array([left, top], np.float32) for each in points
    )
