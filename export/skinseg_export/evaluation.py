"""How good the masks of a segmenter are on pictures with drawn masks, by the definitions the papers use.

Every picture goes the one way of the runtime (`Segmenter.segment`), so what is scored is what a user gets. Two sizes
are told apart and never mixed: the network's, where papers count pixels, and the photo's, after postprocessing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import decode_mask
from skinseg_edge.metrics import BinaryCounts
from skinseg_edge.preprocessing import to_network_mask
from skinseg_runtime import Segmentation, Segmenter
from skinseg_runtime.postprocessing import lesion_map

__all__ = ["BINS", "Evaluation", "PictureScore", "evaluate"]

BINS = 1000  # of the probability histograms: the ROC curve and the best threshold are exact to 0.001


@dataclass(frozen=True)
class PictureScore:
    """One picture: pixel counts at network size (raw network) and at photo size (finished mask).

    *hd95_px*: 95th percentile Hausdorff distance of the outlines, photo px; inf when exactly one mask is empty.
    *relative_hd95*: the same as a share of the photo's diagonal.
    """

    pair: PicturePair
    network: BinaryCounts
    photo: BinaryCounts
    hd95_px: float
    relative_hd95: float

    @property
    def dice(self) -> float:
        """Dice of the finished mask at photo size; 1 when both masks are empty."""
        counts = self.photo
        return counts.dice if counts.tp + counts.fp + counts.fn else 1.0

    @property
    def iou(self) -> float:
        """IoU of the finished mask at photo size; 1 when both masks are empty."""
        counts = self.photo
        return counts.iou if counts.tp + counts.fp + counts.fn else 1.0


@dataclass(frozen=True)
class Evaluation:
    """Scores of all pictures.

    *lesion_histogram*, *skin_histogram*: (BINS,) int64, how many pixels of each kind at network size got a probability
    in each of BINS equal steps from 0 to 1.
    """

    pictures: tuple[PictureScore, ...]
    lesion_histogram: NDArray[np.int64]
    skin_histogram: NDArray[np.int64]

    @property
    def network(self) -> BinaryCounts:
        """Pixels of all pictures at network size, without postprocessing: the papers' pooled figures."""
        return reduce(add, (score.network for score in self.pictures))

    @property
    def photo(self) -> BinaryCounts:
        """Pixels of all pictures at photo size, after postprocessing."""
        return reduce(add, (score.photo for score in self.pictures))

    @property
    def mean_dice(self) -> float:
        """Mean over pictures of each one's Dice at photo size."""
        return float(np.mean([score.dice for score in self.pictures]))

    @property
    def mean_iou(self) -> float:
        """Mean over pictures of each one's IoU at photo size."""
        return float(np.mean([score.iou for score in self.pictures]))

    @property
    def median_relative_hd95(self) -> float:
        """Median over pictures of the outline distance, as a share of the photo's diagonal."""
        return float(np.median([score.relative_hd95 for score in self.pictures]))

    @property
    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rates, (BINS + 1,) each, for thresholds falling from above 1 to 0."""
        rates = []
        for histogram in (self.skin_histogram, self.lesion_histogram):
            found = np.concatenate([[0], np.cumsum(histogram[::-1])])
            rates.append(found / max(int(histogram.sum()), 1))
        return rates[0], rates[1]

    @property
    def auc(self) -> float:
        """Area under the ROC curve over all pixels (trapezoids); NaN where all pixels are of one kind."""
        if not (self.lesion_histogram.any() and self.skin_histogram.any()):
            return float("nan")
        false_rate, true_rate = self.roc
        return float(np.sum(np.diff(false_rate) * (true_rate[1:] + true_rate[:-1]) / 2))

    @property
    def best_threshold(self) -> tuple[float, float]:
        """The threshold that gives the highest pooled Dice at network size, and that Dice."""
        true = np.cumsum(self.lesion_histogram[::-1])[::-1]  # found from this bin upwards
        false = np.cumsum(self.skin_histogram[::-1])[::-1]
        dice = 2 * true / np.maximum(true + false + self.lesion_histogram.sum(), 1)
        best = int(np.argmax(dice))
        return best / BINS, float(dice[best])

    def worst(self, count: int) -> tuple[PictureScore, ...]:
        """Return the *count* pictures with the lowest Dice, the lowest first."""
        return tuple(sorted(self.pictures, key=lambda score: (score.dice, score.pair.name))[:count])


def evaluate(
    segmenter: Segmenter, pairs: Sequence[PicturePair], advance: Callable[[], None] = lambda: None
) -> Evaluation:
    """Score *segmenter* on *pairs*; *advance* is called after each picture.

    Raises DatasetUnusable if there is no pair or a mask's size differs from its photo's, and what decoding raises.
    """
    if not pairs:
        raise DatasetUnusable("cannot evaluate: there is no picture with a mask")
    scores = []
    lesion, skin = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for pair in pairs:
        result = segmenter.segment(pair.picture)
        truth = decode_mask(pair.mask)
        if truth.shape != result.photo_hw:
            raise DatasetUnusable(
                f"cannot evaluate {pair.name}: its mask is {truth.shape} px (rows, columns), its photo "
                f"{result.photo_hw}; masks must be drawn at the size of their photos"
            )
        probability = lesion_map(result.network_probability, result.contract)
        network_truth = to_network_mask(truth, result.contract) >= 128
        lesion += _histogram(probability[network_truth])
        skin += _histogram(probability[~network_truth])
        scores.append(_score(pair, result, truth, _raw_mask(result), network_truth))
        advance()
    return Evaluation(tuple(scores), lesion, skin)


def _raw_mask(result: Segmentation) -> NDArray[np.bool_]:
    if result.contract.is_binary:
        return np.asarray(result.network_probability[0] >= result.contract.threshold)
    return np.asarray(result.network_probability.argmax(0) > 0)


def _histogram(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    bins = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    return np.bincount(bins, minlength=BINS).astype(np.int64)


def _score(
    pair: PicturePair,
    result: Segmentation,
    truth: NDArray[np.bool_],
    raw: NDArray[np.bool_],
    network_truth: NDArray[np.bool_],
) -> PictureScore:
    distance = metrics.hd95_px(result.mask, truth)
    return PictureScore(
        pair=pair,
        network=metrics.counts(raw, network_truth),
        photo=metrics.counts(result.mask, truth),
        hd95_px=distance,
        relative_hd95=distance / float(np.hypot(*truth.shape)),
    )
