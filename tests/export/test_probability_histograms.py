"""ROC, AUC and calibration from histograms against sorted probabilities and figures worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_export.probability_histograms import BINS, ProbabilityHistogram


def histogram(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> ProbabilityHistogram:
    made = ProbabilityHistogram.empty()
    made.add(probability, truth)
    return made


def test_the_area_is_the_chance_that_an_inside_pixel_ranks_above_an_outside_one() -> None:
    random = np.random.default_rng(0)
    truth = random.random(600) < 0.3
    probability = np.clip(0.4 * truth + random.random(600) * 0.7, 0, 1).astype(np.float32)
    inside, outside = probability[truth], probability[~truth]
    ranked = (inside[:, None] > outside).mean() + 0.5 * (inside[:, None] == outside).mean()
    # Pixels within one step of 0.001 count as level.
    assert histogram(probability, truth).auc == pytest.approx(ranked, abs=1e-3)


def test_pictures_add_up() -> None:
    probability = np.array([0.0, 0.2, 0.9, 1.0], np.float32)
    truth = np.array([False, True, True, True])
    made = histogram(probability, truth)
    made.add(probability, ~truth)
    assert (made.inside.sum(), made.outside.sum()) == (4, 4)
    assert made.inside[[0, BINS - 1]].tolist() == [1, 1]
    assert made.auc == 0.5


def test_all_pixels_of_one_kind_have_no_area() -> None:
    assert np.isnan(histogram(np.array([0.5], np.float32), np.array([True])).auc)
    assert np.isnan(ProbabilityHistogram.empty().auc)


def test_the_best_threshold_parts_what_can_be_parted() -> None:
    made = histogram(np.array([0.1, 0.3, 0.7, 0.8], np.float32), np.array([False, False, True, True]))
    threshold, dice = made.best_threshold
    assert dice == 1.0
    assert 0.3 < threshold <= 0.7


def test_calibration_compares_confidence_with_the_share_that_is_right() -> None:
    made = ProbabilityHistogram.empty()
    made.add(np.full(10, 0.95, np.float32), np.arange(10) < 8)  # claims 0.95, is right in 0.8
    made.add(np.full(30, 0.65, np.float32), np.arange(30) < 21)  # claims 0.65, is right in 0.7

    curve = made.calibration(bins=10)

    assert curve.share[[6, 9]].tolist() == [0.75, 0.25]
    assert curve.accuracy[[6, 9]].tolist() == [0.7, 0.8]
    assert curve.confidence[[6, 9]] == pytest.approx([0.65, 0.95], abs=6e-4)
    assert np.isnan(curve.accuracy[:6]).all()
    assert curve.ece == pytest.approx(0.75 * 0.05 + 0.25 * 0.15, abs=6e-4)


def test_a_calibrated_network_has_next_to_no_calibration_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 200_000).astype(np.float32)
    made = ProbabilityHistogram.empty()
    made.add(confidence, random.random(200_000) < confidence)
    assert made.calibration().ece < 0.01


def test_calibration_of_nothing_is_no_error_and_no_warning() -> None:
    curve = ProbabilityHistogram.empty().calibration()
    assert (curve.ece, curve.share.sum(), len(curve.share)) == (0, 0, 15)
    with pytest.raises(ValueError, match="0 bins"):
        ProbabilityHistogram.empty().calibration(0)
