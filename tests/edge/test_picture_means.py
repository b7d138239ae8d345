"""Means over pictures and batches against figures worked out by hand."""

import pytest

from skinseg_edge import picture_means
from skinseg_edge.metrics import BinaryCounts

HIT = BinaryCounts(tp=6, fp=2, fn=4, tn=88)
NOTHING = BinaryCounts(tn=100)  # no lesion, and none found
FULL = BinaryCounts(tp=50, fp=50)  # found everywhere
PICTURES = (HIT, NOTHING, FULL)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("dice", (12 / 18 + 1 + 100 / 150) / 3),
        ("iou", (6 / 12 + 1 + 50 / 100) / 3),
        ("accuracy", (94 / 100 + 1 + 50 / 100) / 3),
        ("sensitivity", (6 / 10 + 1 + 1) / 3),
        ("specificity", (88 / 90 + 1 + 0) / 3),
        ("precision", (6 / 8 + 1 + 50 / 100) / 3),
    ],
)
def test_a_mean_over_pictures_counts_nothing_over_nothing_as_one(figure: str, expected: float) -> None:
    mean = getattr(picture_means, f"per_image_mean_{figure}")
    assert mean(PICTURES) == pytest.approx(expected)


def test_the_mean_over_batches_counts_an_empty_batch_as_zero() -> None:
    assert picture_means.batch_mean_dice((HIT + FULL, NOTHING)) == pytest.approx(112 / 168 / 2)


def test_the_conventions_give_other_figures_for_the_same_masks() -> None:
    pooled = (HIT + NOTHING + FULL).dice
    per_image = picture_means.per_image_mean_dice(PICTURES)
    in_batches = picture_means.batch_mean_dice(PICTURES)
    assert len({round(figure, 3) for figure in (pooled, per_image, in_batches)}) == 3


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        picture_means.per_image_mean_iou(())
    with pytest.raises(ValueError, match="no batches"):
        picture_means.batch_mean_dice(())
