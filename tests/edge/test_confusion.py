"""The confusion matrix against figures worked out by hand, against loops over pixels, and against a printed table."""

import numpy as np
import pytest

from skinseg_edge.confusion import ConfusionMatrix, confusion_of
from skinseg_edge.metrics import BinaryCounts

# Rows are true classes: 10 pixels of background, 6 of the second class, none of the third.
COUNTS = np.array([[7, 2, 1], [1, 4, 1], [0, 0, 0]])
MATRIX = ConfusionMatrix(COUNTS)


def test_pixels_land_in_the_row_of_the_true_and_the_column_of_the_found_class() -> None:
    truth = np.array([[0, 0, 1], [2, 2, 2]], np.uint8)
    found = np.array([[0, 1, 1], [2, 0, 0]], np.uint8)

    matrix = confusion_of(found, truth, 3)

    assert matrix.counts.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert (matrix.classes, matrix.pixels) == (3, 6)


def test_figures_of_a_class_follow_their_formulas() -> None:
    assert MATRIX.pooled_iou_by_class.tolist() == [7 / 11, 4 / 8, 0]
    assert MATRIX.pooled_dice_by_class.tolist() == [14 / 18, 8 / 12, 0]
    assert MATRIX.pooled_recall_by_class.tolist() == [7 / 10, 4 / 6, 0]
    assert MATRIX.pooled_precision_by_class.tolist() == [7 / 8, 4 / 6, 0]
    assert MATRIX.pooled_specificity_by_class.tolist() == [5 / 6, 8 / 10, 14 / 16]


def test_a_macro_figure_is_the_mean_over_all_classes_with_nothing_counted_as_zero() -> None:
    assert MATRIX.macro_iou == pytest.approx((7 / 11 + 4 / 8) / 3)
    assert MATRIX.macro_dice == pytest.approx((14 / 18 + 8 / 12) / 3)
    assert MATRIX.macro_recall == pytest.approx((7 / 10 + 4 / 6) / 3)
    assert MATRIX.macro_precision == pytest.approx((7 / 8 + 4 / 6) / 3)
    assert MATRIX.macro_specificity == pytest.approx((5 / 6 + 8 / 10 + 14 / 16) / 3)
    assert MATRIX.pooled_accuracy == 11 / 16


def test_macro_f1_is_the_harmonic_mean_of_macro_precision_and_recall() -> None:
    precision, recall = MATRIX.macro_precision, MATRIX.macro_recall
    assert MATRIX.macro_f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert MATRIX.macro_f1 != pytest.approx(MATRIX.macro_dice)


def test_one_class_against_the_rest_has_the_figures_of_that_class() -> None:
    for k in range(3):
        counts = MATRIX.one_vs_rest(k)
        assert counts.tp + counts.fp + counts.fn + counts.tn == MATRIX.pixels
        assert counts.iou == MATRIX.pooled_iou_by_class[k]
        assert counts.dice == MATRIX.pooled_dice_by_class[k]
        assert counts.specificity == MATRIX.pooled_specificity_by_class[k]
    assert MATRIX.one_vs_rest(1) == BinaryCounts(tp=4, fp=2, fn=2, tn=8)


def test_several_classes_against_the_rest_forgive_what_they_confuse_among_themselves() -> None:
    assert MATRIX.some_vs_rest((1, 2)) == BinaryCounts(tp=5, fp=3, fn=1, tn=7)


def test_the_mean_iou_of_lesion_and_background_is_that_of_the_unet_paper() -> None:
    # Counts as printed in the paper on HAM10000: lesion IoU 82.07, background 94.29, mean 88.18 %.
    printed = ConfusionMatrix(np.array([[74_978_631, 595_742], [3_945_663, 20_781_788]]))

    assert printed.pixels == 1999 * 224 * 224
    assert printed.pooled_iou_by_class == pytest.approx([0.9429, 0.8207], abs=5e-5)
    assert printed.mean_iou_lesion_background() == pytest.approx(0.8818, abs=5e-5)
    assert printed.mean_iou_lesion_background() == printed.macro_iou  # the two are one for two classes
    assert printed.pooled_accuracy == pytest.approx(0.9547, abs=5e-5)
    lesion = printed.one_vs_rest(1)
    assert [lesion.precision, lesion.sensitivity] == pytest.approx([0.9721, 0.8404], abs=5e-5)
    assert lesion.dice == pytest.approx(0.9015, abs=5e-5)


def test_pooling_adds_the_matrices_of_pictures() -> None:
    random = np.random.default_rng(0)
    truth, found = random.integers(0, 4, (2, 6, 8, 9))

    whole = confusion_of(found, truth, 4)
    one_by_one = sum((confusion_of(f, t, 4) for f, t in zip(found, truth, strict=True)), ConfusionMatrix.empty(4))

    assert whole == one_by_one
    slow = [[int(((truth == t) & (found == f)).sum()) for f in range(4)] for t in range(4)]
    assert whole.counts.tolist() == slow


def test_shares_are_of_the_true_class() -> None:
    assert MATRIX.shares.tolist() == [[0.7, 0.2, 0.1], [1 / 6, 4 / 6, 1 / 6], [0, 0, 0]]


def test_no_pixel_gives_zeros_and_no_warning() -> None:
    nothing = ConfusionMatrix.empty(6)
    assert (nothing.macro_iou, nothing.macro_f1, nothing.pooled_accuracy) == (0, 0, 0)
    assert nothing.shares.sum() == 0


def test_the_text_names_every_class_in_aligned_columns() -> None:
    lines = MATRIX.to_text(("BACKGROUND", "HHB", "a class with a long name")).splitlines()
    assert len(lines) == 4
    assert lines[2].split() == ["HHB", "1", "16.7", "%", "4", "66.7", "%", "1", "16.7", "%"]
    assert len({line.index("%") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (np.zeros((2, 3), np.int64), r"got \(2, 3\) int64"),
        (np.zeros((1, 1), np.int64), r"K >= 2"),
        (np.zeros((2, 2)), "float64"),
        (np.array([[1, -1], [0, 0]]), "from 0 on"),
    ],
)
def test_what_is_no_matrix_of_counts_is_refused(counts: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ConfusionMatrix(counts)


def test_an_index_without_a_class_is_refused_with_its_range() -> None:
    with pytest.raises(ValueError, match="found classes: got 0 to 3, expected 0 to 2"):
        confusion_of(np.array([0, 3]), np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="true classes: got -1 to 1"):
        confusion_of(np.array([0, 1]), np.array([-1, 1]), 3)
    with pytest.raises(ValueError, match=r"\(2,\), with the true ones, \(3,\)"):
        confusion_of(np.zeros(2, np.int64), np.zeros(3, np.int64), 2)


def test_matrices_of_other_classes_do_not_mix() -> None:
    with pytest.raises(ValueError, match="2 classes to one of 3"):
        _ = MATRIX + ConfusionMatrix.empty(2)
    with pytest.raises(ValueError, match="got 2 names for 3 classes"):
        MATRIX.to_text(("a", "b"))
