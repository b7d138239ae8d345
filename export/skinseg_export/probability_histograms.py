"""How probable the pixels of each class were, in steps of 0.001: the ROC curve, its area, calibration.

The steps stand in for the probabilities themselves, of which a data set has too many to keep and to sort.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "Calibration", "ProbabilityHistogram"]

BINS = 1000  # the ROC curve, the best threshold and the confidence are exact to 0.001


@dataclass(frozen=True)
class Calibration:
    """How far a network can be believed: what it claims against how often it is right.

    One value a bin of equal width in confidence, from 0 to 1, each (bins,) float64. *confidence*: mean probability of
    the class that was decided for; *accuracy*: share of pixels that were right; both NaN in a bin without a pixel.
    *share*: of all pixels in the bin. *ece*: expected calibration error, the mean of |accuracy - confidence| weighted
    by share (Guo et al. 2017, equation 3).
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    share: NDArray[np.float64]
    ece: float


@dataclass(frozen=True, eq=False)
class ProbabilityHistogram:
    """How probable something is, and whether it is so: one class against all others, or a decision.

    *inside*, *outside*: (BINS,) int64, pixels of which it is true (they are of the class, or were decided rightly) and
    of which it is not.
    """

    inside: NDArray[np.int64]
    outside: NDArray[np.int64]

    @classmethod
    def empty(cls) -> "ProbabilityHistogram":
        """Return the histogram of no pixel, for `add`."""
        return cls(np.zeros(BINS, np.int64), np.zeros(BINS, np.int64))

    def add(self, probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> None:
        """Count a picture in place. *probability*: in [0, 1]; *truth*: where it is so, of one shape."""
        bins = _bins_of(probability)
        self.inside[:] += np.bincount(bins[truth], minlength=BINS)
        self.outside[:] += np.bincount(bins[~truth], minlength=BINS)

    @property
    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rates, (BINS + 1,) each, for thresholds falling from above 1 to 0."""
        rates = []
        for histogram in (self.outside, self.inside):
            found = np.concatenate([[0], np.cumsum(histogram[::-1])])
            rates.append(found / max(int(histogram.sum()), 1))
        return rates[0], rates[1]

    @property
    def auc(self) -> float:
        """Area under the ROC curve over all pixels (trapezoids); NaN where all pixels are of one kind."""
        if not (self.inside.any() and self.outside.any()):
            return float("nan")
        false_rate, true_rate = self.roc
        return float(np.sum(np.diff(false_rate) * (true_rate[1:] + true_rate[:-1]) / 2))

    @property
    def best_threshold(self) -> tuple[float, float]:
        """The threshold that gives the highest pooled Dice, and that Dice."""
        true = np.cumsum(self.inside[::-1])[::-1]  # found from this bin upwards
        false = np.cumsum(self.outside[::-1])[::-1]
        dice = 2 * true / np.maximum(true + false + self.inside.sum(), 1)
        best = int(np.argmax(dice))
        return best / BINS, float(dice[best])

    def calibration(self, bins: int = 15) -> Calibration:
        """Sum the steps up into *bins* of equal width.

        Raises ValueError if bins is not from 1 to BINS.
        """
        if not 1 <= bins <= BINS:
            raise ValueError(f"cannot draw a calibration curve of {bins} bins: expected 1 to {BINS}")
        centres = (np.arange(BINS) + 0.5) / BINS
        coarse = np.minimum((centres * bins).astype(np.int64), bins - 1)
        both = self.inside + self.outside
        pixels = np.bincount(coarse, both, bins)
        filled = np.where(pixels > 0, pixels, np.nan)
        confidence = np.bincount(coarse, both * centres, bins) / filled
        accuracy = np.bincount(coarse, self.inside, bins) / filled
        share = pixels / max(int(both.sum()), 1)
        return Calibration(confidence, accuracy, share, float(np.nansum(np.abs(accuracy - confidence) * share)))


def _bins_of(probability: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.clip((probability * BINS).astype(np.int64), 0, BINS - 1)
