"""How good the masks of a segmenter are on pictures with drawn masks, by the definitions the papers use.

Every picture goes the one way of the runtime (`Segmenter.segment`), so what is scored is what a user gets. Two sizes
are told apart and never mixed: the network's, where papers count pixels, and the photo's, after postprocessing.
`skinseg_edge.confusion` lists the conventions that the names of the figures stand for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics, picture_means
from skinseg_edge.confusion import ConfusionMatrix, confusion_of
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.metrics import BinaryCounts
from skinseg_export.decisions import Decision, confidence_of, decided_labels, decision_for
from skinseg_export.probability_histograms import BINS, Calibration, ProbabilityHistogram
from skinseg_export.truth import check_classes, network_truth, read_truth
from skinseg_runtime import Segmentation, Segmenter
from skinseg_runtime.postprocessing import lesion_map

__all__ = ["BINS", "Evaluation", "PictureScore", "evaluate"]


@dataclass(frozen=True)
class PictureScore:
    """One picture: pixels at network size (raw network) and at photo size (finished mask).

    *network*, *photo*: lesion against all else. *network_confusion*, *photo_confusion*: every class.
    *hd95_px*: 95th percentile Hausdorff distance of the lesion's outlines, photo px; inf when exactly one mask is
    empty. *relative_hd95*: the same as a share of the photo's diagonal.
    """

    pair: PicturePair
    network: BinaryCounts
    photo: BinaryCounts
    network_confusion: ConfusionMatrix
    photo_confusion: ConfusionMatrix
    hd95_px: float
    relative_hd95: float

    @property
    def dice(self) -> float:
        """Dice of the finished mask at photo size; 1 when both masks are empty."""
        return picture_means.per_image_mean_dice([self.photo])

    @property
    def iou(self) -> float:
        """IoU of the finished mask at photo size; 1 when both masks are empty."""
        return picture_means.per_image_mean_iou([self.photo])


@dataclass(frozen=True)
class Evaluation:
    """Scores of all pictures under one *contract*, classes decided by *decision*.

    At network size: *lesion_probability*: of all that is lesion against the rest. *class_probabilities*: one histogram
    a class of the contract; a single map's is that of the lesion. *confidence*: of what was decided.
    """

    pictures: tuple[PictureScore, ...]
    contract: ModelContract
    decision: Decision
    lesion_probability: ProbabilityHistogram
    class_probabilities: tuple[ProbabilityHistogram, ...]
    confidence: ProbabilityHistogram

    @property
    def contract_classes(self) -> tuple[str, ...]:
        """Names of the classes of the contract, which `roc_of` and `auc_of` number."""
        return self.contract.classes

    @property
    def confusion_classes(self) -> tuple[str, ...]:
        """Names of the rows of `confusion`: the classes, after a background where the contract names none."""
        return ("background", *self.contract.classes) if self.contract.is_binary else self.contract.classes

    @property
    def lesion_rows(self) -> tuple[int, ...]:
        """Which rows of `confusion` are lesion."""
        return self.contract.lesion_labels

    @cached_property
    def confusion(self) -> ConfusionMatrix:
        """Pixels of all pictures at network size, without postprocessing."""
        return reduce(add, (score.network_confusion for score in self.pictures))

    @cached_property
    def photo_confusion(self) -> ConfusionMatrix:
        """Pixels of all pictures at photo size, after postprocessing."""
        return reduce(add, (score.photo_confusion for score in self.pictures))

    @cached_property
    def network(self) -> BinaryCounts:
        """Lesion pixels of all pictures at network size, without postprocessing: the papers' pooled figures."""
        return reduce(add, (score.network for score in self.pictures))

    @cached_property
    def photo(self) -> BinaryCounts:
        """Lesion pixels of all pictures at photo size, after postprocessing."""
        return reduce(add, (score.photo for score in self.pictures))

    @property
    def mean_dice(self) -> float:
        """Mean over pictures of each one's Dice at photo size."""
        return picture_means.per_image_mean_dice([score.photo for score in self.pictures])

    @property
    def mean_iou(self) -> float:
        """Mean over pictures of each one's IoU at photo size."""
        return picture_means.per_image_mean_iou([score.photo for score in self.pictures])

    @property
    def median_relative_hd95(self) -> float:
        """Median over pictures of the outline distance, as a share of the photo's diagonal."""
        return float(np.median([score.relative_hd95 for score in self.pictures]))

    @property
    def roc(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rates of lesion, (BINS + 1,) each, for thresholds falling from above 1 to 0."""
        return self.lesion_probability.roc

    @property
    def auc(self) -> float:
        """Area under `roc`, over all pixels at network size; NaN where all pixels are of one kind."""
        return self.lesion_probability.auc

    @property
    def best_threshold(self) -> tuple[float, float]:
        """The threshold on the lesion's probability with the highest pooled Dice at network size, and that Dice."""
        return self.lesion_probability.best_threshold

    def roc_of(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return false and true positive rates of class *k* of the contract against all others; see `roc`."""
        return self.class_probabilities[k].roc

    def auc_of(self, k: int) -> float:
        """Return the area under the curve of class *k* of the contract; NaN where all pixels are of one kind."""
        return self.class_probabilities[k].auc

    def calibration(self, bins: int = 15) -> Calibration:
        """Compare how sure the network was with how often it was right, over all pixels at network size."""
        return self.confidence.calibration(bins)

    def batch_mean_dice(self, batch: int) -> float:
        """Mean Dice of the lesion over batches of *batch* pictures in their order, at network size."""
        counts = [score.network for score in self.pictures]
        batches = (counts[start : start + batch] for start in range(0, len(counts), batch))
        return picture_means.batch_mean_dice([reduce(add, group) for group in batches])

    def worst(self, count: int) -> tuple[PictureScore, ...]:
        """Return the *count* pictures with the lowest Dice, the lowest first."""
        return tuple(sorted(self.pictures, key=lambda score: (score.dice, score.pair.name))[:count])


def evaluate(
    segmenter: Segmenter,
    pairs: Sequence[PicturePair],
    advance: Callable[[], None] = lambda: None,
    *,
    decision: Decision | None = None,
    data_classes: Sequence[str] | None = None,
) -> Evaluation:
    """Score *segmenter* on *pairs*; *advance* is called after each picture.

    *decision*: what counts as a class at network size; without it, what the runtime does. *data_classes*: names of the
    data set's classes where they are known, background first.

    Raises DatasetUnusable if there is no pair, a mask's size differs from its photo's or the classes are not those of
    the model; InputError if the decision needs another model; and what decoding raises.
    """
    contract = segmenter.contract
    rule = decision_for(contract, decision)
    check_classes(data_classes, contract)
    if not pairs:
        raise DatasetUnusable("cannot evaluate: there is no picture with a mask")
    scores = []
    lesion, confidence = ProbabilityHistogram.empty(), ProbabilityHistogram.empty()
    each_class = tuple(ProbabilityHistogram.empty() for _ in contract.classes)
    for pair in pairs:
        result = segmenter.segment(pair.picture)
        truth = read_truth(pair, contract, data_classes)
        _check_size(pair, truth, result)
        seen_truth = network_truth(truth, contract)
        probability = result.network_probability
        labels = decided_labels(probability, contract, rule)
        lesion.add(lesion_map(probability, contract), np.isin(seen_truth, contract.lesion_labels))
        for k, histogram in enumerate(each_class):
            histogram.add(probability[k], seen_truth == (1 if contract.is_binary else k))
        confidence.add(confidence_of(probability, labels), labels == seen_truth)
        scores.append(_score(pair, result, truth, labels, seen_truth))
        advance()
    return Evaluation(tuple(scores), contract, rule, lesion, each_class, confidence)


def _check_size(pair: PicturePair, truth: NDArray[np.uint8], result: Segmentation) -> None:
    if truth.shape != result.photo_hw:
        raise DatasetUnusable(
            f"cannot evaluate {pair.name}: its mask is {truth.shape} px (rows, columns), its photo "
            f"{result.photo_hw}; masks must be drawn at the size of their photos"
        )


def _score(
    pair: PicturePair,
    result: Segmentation,
    truth: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    seen_truth: NDArray[np.uint8],
) -> PictureScore:
    rows = result.contract.lesion_labels
    classes = max(2, len(result.contract.classes))
    network = confusion_of(labels, seen_truth, classes)
    lesion_truth = np.isin(truth, rows)
    distance = metrics.hd95_px(result.mask, lesion_truth)
    return PictureScore(
        pair=pair,
        network=network.some_vs_rest(rows),
        photo=metrics.counts(result.mask, lesion_truth),
        network_confusion=network,
        photo_confusion=confusion_of(result.class_map, truth, classes),
        hd95_px=distance,
        relative_hd95=distance / float(np.hypot(*truth.shape)),
    )
