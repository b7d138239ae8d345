"""Bilinear resizing by one rule, and decisions made from it without computing all of it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.bilinear import BilinearResize, Decision, Sampler, corners_above
from skinseg_edge.preprocessing import Placement

pytest.importorskip("hypothesis", reason="hypothesis, which thinks up the maps, is not installed")
from hypothesis import given, settings  # only where it is installed
from hypothesis import strategies as st  # only where it is installed

Hw = tuple[int, int]

_sides = st.integers(1, 90)


def soft_map(hw: Hw, seed: int, blur: float) -> NDArray[np.float32]:
    """Draw a map within 0 and 1, of blobs about *blur* px wide; 0 gives noise."""
    noise = np.random.default_rng(seed).normal(size=hw).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), blur) * blur * 4 if blur else noise
    return np.asarray(1 / (1 + np.exp(-smooth)), np.float32)


def disc(side: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:side, :side].astype(np.float32)
    return np.asarray(1 / (1 + np.exp(np.hypot(x - side * 0.55, y - side * 0.45) - side * 0.2)), np.float32)


def decided(values: NDArray[np.float32], to_hw: Hw, threshold: np.float32) -> Decision:
    yes, no = corners_above(values - threshold), corners_above(threshold - values)
    return BilinearResize((values.shape[0], values.shape[1]), to_hw).decided(
        yes, no, lambda sample: sample(values) >= threshold
    )


@pytest.mark.parametrize(
    ("from_hw", "to_hw"),
    [((40, 60), (40, 60)), ((40, 60), (171, 233)), ((64, 64), (20, 300)), ((9, 7), (4, 3)), ((1, 1), (5, 4))],
)
def test_the_rule_is_opencvs_but_for_rounding(from_hw: Hw, to_hw: Hw) -> None:
    values = soft_map(from_hw, 1, 2)
    expected = cv2.resize(values, to_hw[::-1], interpolation=cv2.INTER_LINEAR)
    resized = BilinearResize(from_hw, to_hw).whole(values)
    assert resized.shape == to_hw
    assert resized.dtype == np.float32
    assert np.abs(resized - expected.reshape(to_hw)).max() < 1e-6


def test_twice_as_large_a_ramp_has_quarters_between_and_its_ends_repeated() -> None:
    # Centres of the larger grid lie at -0.25, 0.25, 0.75, 1.25 of the smaller one.
    resized = BilinearResize((1, 2), (1, 4)).whole(np.array([[0, 1]], np.float32))
    assert resized.tolist() == [[0, 0.25, 0.75, 1]]


@given(_sides, _sides, st.integers(1, 200), st.integers(1, 200), st.integers(0, 99), st.sampled_from([0, 2, 8, 20]))
@settings(max_examples=120, deadline=None)
def test_what_is_decided_is_the_threshold_of_the_whole_bit_by_bit(
    rows: int, columns: int, to_rows: int, to_columns: int, seed: int, blur: float
) -> None:
    values = soft_map((rows, columns), seed, blur)
    threshold = values[rows // 2, columns // 2]  # so that some pixels lie at it exactly

    mask, (top, left, bottom, right) = decided(values, (to_rows, to_columns), threshold)

    whole = BilinearResize((rows, columns), (to_rows, to_columns)).whole(values) >= threshold
    assert np.array_equal(mask, whole)
    outside = mask.copy()
    outside[top:bottom, left:right] = False
    assert not outside.any()


@pytest.mark.parametrize("level", [0.3, 0.5, 0.7])
def test_a_level_that_rounding_could_carry_below_itself_is_decided_as_the_whole_is(level: float) -> None:
    values = np.full((30, 40), level, np.float32)
    values[::2] = np.nextafter(np.float32(level), np.float32(1))
    mask, _ = decided(values, (310, 411), np.float32(level))
    assert np.array_equal(mask, BilinearResize((30, 40), (310, 411)).whole(values) >= np.float32(level))


def test_only_the_pixels_around_the_border_are_computed() -> None:
    values, threshold, computed = disc(64), np.float32(0.5), 0

    def exact(sample: Sampler) -> NDArray[np.bool_]:
        nonlocal computed
        found = sample(values)
        computed += found.size
        return found >= threshold

    yes, no = corners_above(values - threshold), corners_above(threshold - values)
    mask, box = BilinearResize((64, 64), (1000, 1300)).decided(yes, no, exact)

    assert mask.mean() == pytest.approx(np.pi * 0.2**2, rel=0.02)
    assert computed < 0.06 * mask.size
    assert box[0] > 200
    assert box[3] < 1050


def test_a_cell_is_decided_only_where_all_of_its_corners_are() -> None:
    values = np.ones((3, 4), np.float32)
    values[1, 2] = 0
    expected = [[True, False, False, True], [True, False, False, True], [True, True, True, True]]
    assert corners_above(values).tolist() == expected


def test_a_placement_decides_in_the_photo_and_leaves_out_what_the_network_did_not_see() -> None:
    values = disc(32)
    placement = Placement((90, 200), (32, 32), photo_box=(5, 60, 85, 140), input_box=(2, 0, 30, 32))
    yes, no = corners_above(values - np.float32(0.5)), corners_above(np.float32(0.5) - values)

    mask, (top, left, bottom, right) = placement.decided(yes, no, lambda sample: sample(values) >= np.float32(0.5))

    assert np.array_equal(mask, placement.to_photo(values) >= 0.5)
    outside = mask.copy()
    outside[top:bottom, left:right] = False
    assert not outside.any()
