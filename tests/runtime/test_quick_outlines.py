"""Outlines at the network's size against the border of the full-size mask."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.preprocessing import Placement, place
from skinseg_runtime.mask_cleaning import PostProcessing
from skinseg_runtime.postprocessing import mask_from_probability
from skinseg_runtime.quick_outlines import quick_outlines

_HW = (48, 64)


def lump(x: float, y: float, radius: float) -> NDArray[np.float32]:
    """Draw (1, *_HW) probabilities that pass 0.5 on a wavy ring around (x, y)."""
    rows, columns = np.mgrid[: _HW[0], : _HW[1]].astype(np.float32)
    angle, distance = np.arctan2(rows - y, columns - x), np.hypot(columns - x, rows - y)
    border = radius * (1 + 0.25 * np.cos(3 * angle + 0.4))
    return np.asarray(1 / (1 + np.exp(distance - border)), np.float32)[None]


def farthest(points: NDArray[np.float32], from_others: NDArray[np.float32], unit: NDArray[np.float32]) -> float:
    """Return how far the farthest of the points is from the others, in the network's pixels *unit* (x, y)."""
    apart = (points[:, None] - from_others[None]) / unit
    return float(np.sqrt((apart**2).sum(axis=2)).min(axis=1).max())


def filled_in(outline: NDArray[np.float32], hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return every pixel that a closed outline passes, (P, 2) float32 (x, y)."""
    drawn = cv2.polylines(np.zeros(hw, np.uint8), [np.rint(outline).astype(np.int32)], True, 1)
    return np.argwhere(drawn)[:, ::-1].astype(np.float32)


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("photo_hw", [(480, 700), (300, 220), (48, 64)])
def test_an_outline_lies_within_a_network_pixel_of_the_masks_border(
    resize: ResizeRule, photo_hw: tuple[int, int]
) -> None:
    contract = ModelContract(input_hw=_HW, resize=resize)
    placement, probability = place(photo_hw, contract), lump(34.3, 21.8, 11)

    (outline,) = quick_outlines(probability, placement, contract, PostProcessing())

    mask = mask_from_probability(probability, placement, contract)
    (border,), _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border_points = border.reshape(-1, 2).astype(np.float32)
    unit = network_pixel(placement)
    slack = 1 / float(unit.min())  # of the photo's own pixels, to which the drawn outline is rounded
    assert farthest(outline, border_points, unit) <= 1
    assert farthest(border_points, filled_in(outline, photo_hw), unit) <= 1 + slack


def network_pixel(placement: Placement) -> NDArray[np.float32]:
    top, left, bottom, right = placement.photo_box
    rows, columns = placement.covered_hw
    return np.array([(right - left) / columns, (bottom - top) / rows], np.float32)


def test_an_outline_runs_clockwise_on_screen_and_the_longest_comes_first() -> None:
    probability = np.maximum(lump(20, 24, 9), lump(50, 24, 4))
    contract = ModelContract(input_hw=_HW)
    first, second = quick_outlines(probability, place((480, 640), contract), contract, PostProcessing())
    following = np.roll(first, -1, axis=0)
    assert (first[:, 0] * following[:, 1] - first[:, 1] * following[:, 0]).sum() > 0
    assert first[:, 0].mean() < 300 < second[:, 0].mean()


def test_specks_are_dropped_by_their_share_of_the_photo_also_where_the_network_saw_a_part() -> None:
    contract = ModelContract(input_hw=_HW, resize="crop")
    placement = place((480, 3000), contract)  # a quarter of the photo is seen
    probability = np.zeros((1, *_HW), np.float32)
    probability[:, 5:35, 5:35] = 1
    probability[:, 20:28, 50:58] = 1  # 64 of 3072 pixels seen: 2 % of what is seen, 0.4 % of the photo
    assert len(quick_outlines(probability, placement, contract, PostProcessing())) == 1
    assert len(quick_outlines(probability, placement, contract, PostProcessing(smallest_of_photo=0))) == 2


def test_where_there_is_no_lesion_there_is_no_outline() -> None:
    contract = ModelContract(input_hw=_HW)
    assert quick_outlines(np.zeros((1, *_HW), np.float32), place((99, 99), contract), contract, PostProcessing()) == ()
