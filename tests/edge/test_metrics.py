"""Metrics against figures worked out by hand on masks of a few pixels."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.metrics import BinaryCounts, area_drift, counts, dice, hd95_px, iou, nsd, outline_distances


def square(top: int, left: int, side: int, hw: tuple[int, int] = (20, 20)) -> NDArray[np.bool_]:
    mask = np.zeros(hw, np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


def test_counts_of_two_overlapping_squares() -> None:
    # 4 x 4 against 4 x 4 moved by one row: 12 shared, 4 only in each, 400 - 20 in neither.
    assert counts(square(2, 2, 4), square(3, 2, 4)) == BinaryCounts(tp=12, fp=4, fn=4, tn=380)


def test_pooled_figures_follow_their_formulas() -> None:
    pooled = BinaryCounts(tp=6, fp=2, fn=4, tn=88)

    assert pooled.dice == 12 / 18
    assert pooled.iou == 6 / 12
    assert pooled.accuracy == 94 / 100
    assert pooled.sensitivity == 6 / 10
    assert pooled.specificity == 88 / 90
    assert pooled.precision == 6 / 8


def test_pooled_dice_is_two_iou_over_one_plus_iou() -> None:
    pooled = BinaryCounts(tp=7, fp=3, fn=5, tn=1)

    assert pooled.dice == pytest.approx(2 * pooled.iou / (1 + pooled.iou), abs=1e-12)


def test_pooling_is_not_averaging() -> None:
    large, small = (square(0, 0, 10), square(0, 0, 10)), (square(0, 0, 2), square(10, 10, 2))

    pooled = counts(*large) + counts(*small)

    assert pooled.dice == 200 / 208  # 2 x 100 over 100 + 100 + 4 + 4
    assert (dice(*large) + dice(*small)) / 2 == 0.5


@pytest.mark.parametrize("figure", ["dice", "iou", "accuracy", "sensitivity", "specificity", "precision"])
def test_a_pooled_figure_of_nothing_is_zero(figure: str) -> None:
    assert getattr(BinaryCounts(), figure) == 0.0


def test_two_empty_masks_agree_fully_as_one_image() -> None:
    empty = np.zeros((4, 4), np.bool_)

    assert (dice(empty, empty), iou(empty, empty), area_drift(empty, empty), hd95_px(empty, empty)) == (1, 1, 0, 0)


def test_an_empty_mask_against_a_lesion_is_as_far_off_as_can_be() -> None:
    empty, lesion = np.zeros((20, 20), np.bool_), square(5, 5, 4)

    assert (dice(empty, lesion), iou(empty, lesion), area_drift(empty, lesion)) == (0, 0, 1)
    assert hd95_px(empty, lesion) == hd95_px(lesion, empty) == area_drift(lesion, empty) == math.inf


def test_area_drift_is_relative_to_the_reference_and_has_no_sign() -> None:
    assert area_drift(square(0, 0, 6), square(0, 0, 5)) == pytest.approx(11 / 25)
    assert area_drift(square(0, 0, 5), square(0, 0, 6)) == pytest.approx(11 / 36)


def test_hd95_of_a_moved_square_is_its_move() -> None:
    # Two outlines 7 columns apart: the far column of each has a distance of 7; more than 5 % of its pixels lie there.
    assert hd95_px(square(4, 2, 8, (24, 24)), square(4, 9, 8, (24, 24))) == pytest.approx(7.0)


def test_hd95_is_between_outlines_not_areas() -> None:
    # Of the areas only 1 column in 40 differs, less than 5 %; of the outlines 40 pixels in 156.
    assert hd95_px(square(5, 5, 40, (60, 60)), square(5, 6, 40, (60, 60))) == pytest.approx(1.0)


def test_hd95_is_diagonal_where_the_nearest_pixel_is() -> None:
    assert hd95_px(square(2, 2, 1), square(5, 6, 1)) == pytest.approx(5.0, abs=1e-5)  # 3, 4, 5


def test_hd95_leaves_a_single_stray_pixel_out() -> None:
    lesion = square(2, 2, 10, (40, 40))
    with_stray = lesion.copy()
    with_stray[38, 38] = True  # 1 of 37 outline pixels: less than 5 %

    assert hd95_px(with_stray, lesion) == 0.0


def test_hd95_looks_both_ways() -> None:
    whole = square(0, 0, 2, (30, 30)) | square(20, 20, 8, (30, 30))
    half = square(0, 0, 2, (30, 30))

    assert hd95_px(half, whole) == hd95_px(whole, half) > 20


def test_a_lesion_that_fills_the_picture_has_its_outline_on_the_edge() -> None:
    full = np.ones((30, 30), np.bool_)

    assert hd95_px(full, full) == 0.0
    # One pixel apart; only the 4 corners of 116 outline pixels are further, which is less than 5 %.
    assert hd95_px(full, square(1, 1, 28, (30, 30))) == pytest.approx(1.0)


def test_surface_dice_is_the_share_of_both_outlines_within_the_tolerance() -> None:
    # Two squares, 3 columns apart, 28 outline pixels each. Further than 2 px from the other outline: the outer column
    # (8) and the middle two of the inner one (rows 3 and 4 of 0 to 7), 3 px from any side of the other square.
    ours, theirs = square(4, 4, 8, (24, 24)), square(4, 7, 8, (24, 24))

    assert nsd(ours, theirs, 2) == nsd(theirs, ours, 2) == 18 / 28
    assert nsd(ours, theirs, 3) == 1  # a distance of just the tolerance is within
    assert nsd(ours, theirs, 0) < nsd(ours, theirs, 1) < nsd(ours, theirs, 2)


def test_surface_dice_of_empty_masks() -> None:
    empty, lesion = np.zeros((20, 20), np.bool_), square(5, 5, 4)

    assert (nsd(empty, empty, 2), nsd(empty, lesion, 2), nsd(lesion, empty, 2)) == (1, 0, 0)


def test_a_tolerance_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the tolerance is -1 px, expected 0 or more"):
        nsd(square(1, 1, 4), square(1, 1, 4), -1)


@pytest.mark.parametrize("seed", range(8))
def test_outline_distances_are_those_of_every_pair_of_outline_pixels_in_the_whole_picture(seed: int) -> None:
    # Worked out from the definition, without a window or a distance transform; some of the masks touch the borders.
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 40, (4, 3))
    one, two, three, four = (square(int(top), int(left), int(side), (48, 64)) for top, left, side in places)
    ours, theirs = one ^ two, three ^ four

    distances = outline_distances(ours, theirs)

    a, b = _outline_pixels(ours), _outline_pixels(theirs)
    between = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    assert distances.to_reference == pytest.approx(between.min(axis=1), abs=1e-4)
    assert distances.to_mask == pytest.approx(between.min(axis=0), abs=1e-4)


def _outline_pixels(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    framed = np.pad(mask, 1)
    rows_columns = np.argwhere(mask)
    sides = [(0, 1), (2, 1), (1, 0), (1, 2)]
    return np.array([(r, c) for r, c in rows_columns if not all(framed[r + down, c + right] for down, right in sides)])


@pytest.mark.parametrize("measure", [counts, dice, iou, area_drift, hd95_px, outline_distances])
def test_masks_of_two_shapes_are_refused_with_both_shapes(measure: object) -> None:
    assert callable(measure)

    with pytest.raises(ValueError, match=r"\(4, 4\) bool and \(4, 5\) bool, expected two"):
        measure(np.zeros((4, 4), np.bool_), np.zeros((4, 5), np.bool_))


def test_probabilities_are_no_mask() -> None:
    with pytest.raises(ValueError, match="float64"):
        dice(np.zeros((4, 4)), np.zeros((4, 4), np.bool_))  # type: ignore[arg-type]  # the mistake under test
