"""The mask made at the lesion's border alone, held against the rule in full: upsample everything, then clean it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.preprocessing import Placement, place
from skinseg_runtime.mask_cleaning import PostProcessing, clean
from skinseg_runtime.postprocessing import located_mask

pytest.importorskip("hypothesis", reason="hypothesis, which thinks up the maps, is not installed")
from hypothesis import given, settings  # only where it is installed
from hypothesis import strategies as st  # only where it is installed

_HW = (24, 36)
_BINARY = ModelContract(input_hw=_HW, threshold=0.5)
_LESIONS = ModelContract(input_hw=_HW, classes=("background", "naevus", "melanoma"))
_FACE = ModelContract(input_hw=_HW, classes=("BACKGROUND", "ET", "HHB", "XB"), lesion_classes=("HHB", "ET"))

_rules = st.builds(
    PostProcessing,
    fill_holes=st.booleans(),
    smallest_of_photo=st.sampled_from([0, 0.01, 0.1]),
    smallest_of_largest=st.sampled_from([0, 0.1, 0.9]),
)
_resizes: st.SearchStrategy[ResizeRule] = st.sampled_from(["stretch", "letterbox", "crop"])


def drawn_map(classes: int, seed: int, blur: float) -> NDArray[np.float32]:
    """Draw (classes, *_HW) probabilities of blobs about *blur* px wide; several classes sum to 1."""
    noise = np.random.default_rng(seed).normal(size=(classes, *_HW)).astype(np.float32)
    logits = np.stack([cv2.GaussianBlur(plane, (0, 0), blur) * blur * 4 for plane in noise])
    if classes == 1:
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=0), np.float32)


def in_full(
    probability: NDArray[np.float32], placement: Placement, contract: ModelContract, rules: PostProcessing
) -> NDArray[np.bool_]:
    planes = [placement.to_photo(plane) for plane in probability]
    if contract.is_binary:
        return cleaned_in_full(planes[0] >= contract.threshold, rules)
    lesions = [planes[k] for k in contract.lesion_indices]
    others = [plane for k, plane in enumerate(planes) if k not in contract.lesion_indices]
    return cleaned_in_full(np.max(lesions, axis=0) > np.max(others, axis=0), rules)


def cleaned_in_full(mask: NDArray[np.bool_], rules: PostProcessing) -> NDArray[np.bool_]:
    """Clean as version 1 did: every outline filled in a picture of the photo's size."""
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = [cv2.drawContours(np.zeros(mask.shape, np.uint8), [each], -1, 1, cv2.FILLED) > 0 for each in outlines]
    parts = [part if rules.fill_holes else part & mask for part in filled]
    areas = [int(part.sum()) for part in parts]
    least = min(rules.smallest_of_photo * mask.size, rules.smallest_of_largest * max(areas, default=0))
    kept = [part for part, area in zip(parts, areas, strict=True) if area >= least]
    return np.asarray(np.any([np.zeros_like(mask), *kept], axis=0))


@pytest.mark.parametrize("contract", [_BINARY, _LESIONS, _FACE], ids=["binary", "lesions", "face"])
@given(
    photo_hw=st.tuples(st.integers(1, 160), st.integers(1, 160)),
    resize=_resizes,
    seed=st.integers(0, 999),
    blur=st.sampled_from([0.4, 2, 6]),
    rules=_rules,
)
@settings(max_examples=60, deadline=None)
def test_the_mask_is_what_the_full_rule_gives_bit_by_bit(
    contract: ModelContract,
    photo_hw: tuple[int, int],
    resize: ResizeRule,
    seed: int,
    blur: float,
    rules: PostProcessing,
) -> None:
    contract = replace(contract, resize=resize)
    placement, probability = place(photo_hw, contract), drawn_map(len(contract.classes), seed, blur)

    mask, (top, left, bottom, right) = located_mask(probability, placement, contract, rules)

    assert np.array_equal(mask, in_full(probability, placement, contract, rules))
    rows, columns = np.nonzero(mask)
    held = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) if mask.any() else (top, left, top, left)
    assert (top, left, bottom, right) == held


@given(st.integers(0, 999), st.floats(0.05, 0.95), _rules)
@settings(max_examples=80, deadline=None)
def test_any_pattern_is_cleaned_in_its_window_as_in_the_whole(seed: int, density: float, rules: PostProcessing) -> None:
    mask = np.zeros((50, 60), np.bool_)
    mask[7:40, 9:52] = np.random.default_rng(seed).random((33, 43)) < density
    expected = cleaned_in_full(mask, rules)

    top, left, bottom, right = clean(mask, (7, 9, 40, 52), rules)

    assert np.array_equal(mask, expected)
    assert mask[top:bottom, left:right].sum() == mask.sum()


def test_what_lies_outside_the_box_is_not_touched() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[2:8, 2:8] = mask[12:18, 20:28] = True
    mask[4, 4] = mask[15, 24] = False  # two holes, one of them outside

    clean(mask, (0, 0, 10, 10), PostProcessing())

    assert mask[4, 4]
    assert not mask[15, 24]
