"""Which class the pixels of each class were taken for: the K x K matrix that every score of a mask can be read from.

Five conventions are in use, and each prints other figures for the same masks. Here the name says which one is meant:

    pooled_*                     pixels of all pictures are added, then one ratio is taken    SCSONet, CM-SSM, U-Net
    per_image_mean_*             one ratio a picture, 0/0 = 1, then their mean                ULFFN, ISIC challenge
    batch_mean_dice              one Dice a batch of pictures, then their mean                U-Net's training curves
    macro_*                      pooled ratios of all K classes, then their mean              HHBSNet
    mean_iou_lesion_background   pooled IoU of the lesion and of all else, then their mean

The second and third are in `skinseg_edge.picture_means`. A ratio is TP / max(denominator, 1), so 0/0 gives 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.metrics import BinaryCounts

__all__ = ["ConfusionMatrix", "confusion_of"]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Pixels of one or more pictures. *counts*: (K, K) int64, row = true class, column = found class.

    Raises ValueError if counts is not a square of whole numbers of at least two classes, or if one is negative.

    >>> matrix = ConfusionMatrix(np.array([[8, 2], [1, 9]]))
    >>> matrix.pooled_accuracy, matrix.pooled_recall_by_class.tolist()
    (0.85, [0.8, 0.9])
    """

    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the rule above."""
        counts = np.asarray(self.counts)
        square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] >= 2
        if not square or counts.dtype.kind not in "iu" or counts.min() < 0:
            raise ValueError(
                f"cannot read a confusion matrix: got {counts.shape} {counts.dtype}, "
                "expected (K, K) whole numbers from 0 on with K >= 2"
            )
        object.__setattr__(self, "counts", counts.astype(np.int64))

    @classmethod
    def empty(cls, classes: int) -> "ConfusionMatrix":
        """Return the matrix of no pixel at all, to add others to."""
        return cls(np.zeros((classes, classes), np.int64))

    @property
    def classes(self) -> int:
        """How many classes there are, the background included."""
        return len(self.counts)

    @property
    def pixels(self) -> int:
        """How many pixels were counted."""
        return int(self.counts.sum())

    def __add__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        """Pool two groups of pictures."""
        if self.classes != other.classes:
            raise ValueError(f"cannot add a matrix of {other.classes} classes to one of {self.classes}")
        return ConfusionMatrix(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        """Compare the counts."""
        return isinstance(other, ConfusionMatrix) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]  # an array within

    def one_vs_rest(self, k: int) -> BinaryCounts:
        """Count class *k* against all other classes; the figures of the result are pooled ones."""
        return self.some_vs_rest((k,))

    def some_vs_rest(self, chosen: Sequence[int]) -> BinaryCounts:
        """Count the union of the *chosen* classes, such as all that are lesion, against all others."""
        inside = np.zeros(self.classes, np.bool_)
        inside[list(chosen)] = True
        tp = int(self.counts[np.ix_(inside, inside)].sum())
        fn = int(self.counts[inside].sum()) - tp
        fp = int(self.counts[:, inside].sum()) - tp
        return BinaryCounts(tp, fp, fn, self.pixels - tp - fp - fn)

    @property
    def pooled_iou_by_class(self) -> NDArray[np.float64]:
        """TP / (TP + FP + FN) of every class, (K,) float64 in [0, 1]."""
        return _ratios(self._true, self._real + self._found - self._true)

    @property
    def pooled_dice_by_class(self) -> NDArray[np.float64]:
        """2 TP / (2 TP + FP + FN) of every class."""
        return _ratios(2 * self._true, self._real + self._found)

    @property
    def pooled_recall_by_class(self) -> NDArray[np.float64]:
        """TP / (TP + FN) of every class, also called sensitivity."""
        return _ratios(self._true, self._real)

    @property
    def pooled_precision_by_class(self) -> NDArray[np.float64]:
        """TP / (TP + FP) of every class."""
        return _ratios(self._true, self._found)

    @property
    def pooled_specificity_by_class(self) -> NDArray[np.float64]:
        """TN / (TN + FP) of every class."""
        rest = self.pixels - self._real
        return _ratios(rest - (self._found - self._true), rest)

    @property
    def pooled_accuracy(self) -> float:
        """The share of pixels whose class was found: trace / all."""
        return int(self._true.sum()) / max(self.pixels, 1)

    @property
    def macro_iou(self) -> float:
        """Mean of the pooled IoU of all K classes, the background and classes without a pixel (0) included."""
        return float(self.pooled_iou_by_class.mean())

    @property
    def macro_dice(self) -> float:
        """Mean of the pooled Dice of all K classes."""
        return float(self.pooled_dice_by_class.mean())

    @property
    def macro_recall(self) -> float:
        """Mean of the pooled recall of all K classes."""
        return float(self.pooled_recall_by_class.mean())

    @property
    def macro_precision(self) -> float:
        """Mean of the pooled precision of all K classes."""
        return float(self.pooled_precision_by_class.mean())

    @property
    def macro_specificity(self) -> float:
        """Mean of the pooled specificity of all K classes."""
        return float(self.pooled_specificity_by_class.mean())

    @property
    def macro_f1(self) -> float:
        """Harmonic mean of `macro_precision` and `macro_recall`, which is not the mean of the classes' Dice."""
        precision, recall = self.macro_precision, self.macro_recall
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def mean_iou_lesion_background(self, lesion: Sequence[int] = (1,)) -> float:
        """Return the mean of two pooled IoUs, of the *lesion* classes together and of all other classes together."""
        counts = self.some_vs_rest(lesion)
        rest = BinaryCounts(counts.tn, counts.fn, counts.fp, counts.tp)
        return (counts.iou + rest.iou) / 2

    @property
    def shares(self) -> NDArray[np.float64]:
        """(K, K) float64: each row divided by its sum, so the diagonal is recall; 0 where a class has no pixel."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1), np.float64)

    def to_text(self, names: Sequence[str]) -> str:
        """Write counts and shares as aligned plain text, one line a true class.

        Raises ValueError if there is not one name a class.

        >>> print(ConfusionMatrix(np.array([[800, 200], [10, 90]])).to_text(("skin", "lesion")))
        true / found         skin       lesion
        skin          800  80.0 %  200  20.0 %
        lesion         10  10.0 %   90  90.0 %
        """
        if len(names) != self.classes:
            raise ValueError(f"cannot write the confusion matrix: got {len(names)} names for {self.classes} classes")
        digits = max(len(f"{count:,}") for count in self.counts.flat)
        rows = [["true / found", *names]]
        for name, counts, shares in zip(names, self.counts, self.shares, strict=True):
            cells = zip(counts, shares, strict=True)
            rows.append([name, *(f"{count:>{digits},} {100 * share:5.1f} %" for count, share in cells)])
        first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = ([row[0].ljust(first), *map(str.rjust, row[1:], others)] for row in rows)
        return "\n".join("  ".join(cells) for cells in lines)

    @property
    def _true(self) -> NDArray[np.int64]:
        return np.asarray(np.diagonal(self.counts), np.int64)

    @property
    def _real(self) -> NDArray[np.int64]:
        return np.asarray(self.counts.sum(1), np.int64)

    @property
    def _found(self) -> NDArray[np.int64]:
        return np.asarray(self.counts.sum(0), np.int64)


def confusion_of(found: NDArray[np.integer], truth: NDArray[np.integer], classes: int) -> ConfusionMatrix:
    """Count the pixels of one picture or of a batch.

    *found*, *truth*: class indices from 0 to classes - 1, of one shape, whatever it is.

    Raises ValueError if the shapes differ or an index has no class.
    """
    if found.shape != truth.shape:
        raise ValueError(f"cannot compare the classes found, {found.shape}, with the true ones, {truth.shape}")
    for name, labels in (("found", found), ("true", truth)):
        if labels.size and (labels.min() < 0 or labels.max() >= classes):
            raise ValueError(
                f"cannot count the {name} classes: got {labels.min()} to {labels.max()}, expected 0 to {classes - 1}"
            )
    small = np.dtype(np.uint16 if classes <= 255 else np.int64)  # a photo has millions of pixels
    cells = np.multiply(truth.ravel(), classes, dtype=small, casting="unsafe") + found.ravel().astype(small)
    return ConfusionMatrix(np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.int64))


def _ratios(parts: NDArray[np.int64], wholes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(parts / np.maximum(wholes, 1), np.float64)
