"""Scores that are means over pictures or batches; `skinseg_edge.confusion` lists all conventions side by side.

A picture is given as its `BinaryCounts`. Where a ratio of a picture is 0/0 (no lesion, and none was found), it is 1.
"""

from collections.abc import Callable, Sequence

from skinseg_edge.metrics import BinaryCounts

__all__ = [
    "batch_mean_dice",
    "per_image_mean_accuracy",
    "per_image_mean_dice",
    "per_image_mean_iou",
    "per_image_mean_precision",
    "per_image_mean_sensitivity",
    "per_image_mean_specificity",
]

_EPSILON = 1e-8  # of the training curves' Dice; it makes a batch without any lesion count 0, not 1


def per_image_mean_dice(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of 2 TP / (2 TP + FP + FN)."""
    return _mean(pictures, lambda each: (2 * each.tp, 2 * each.tp + each.fp + each.fn))


def per_image_mean_iou(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of TP / (TP + FP + FN), which the ULFFN paper calls JSI."""
    return _mean(pictures, lambda each: (each.tp, each.tp + each.fp + each.fn))


def per_image_mean_accuracy(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of (TP + TN) / all pixels."""
    return _mean(pictures, lambda each: (each.tp + each.tn, each.tp + each.fp + each.fn + each.tn))


def per_image_mean_sensitivity(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of TP / (TP + FN)."""
    return _mean(pictures, lambda each: (each.tp, each.tp + each.fn))


def per_image_mean_specificity(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of TN / (TN + FP)."""
    return _mean(pictures, lambda each: (each.tn, each.tn + each.fp))


def per_image_mean_precision(pictures: Sequence[BinaryCounts]) -> float:
    """Mean over pictures of TP / (TP + FP)."""
    return _mean(pictures, lambda each: (each.tp, each.tp + each.fp))


def batch_mean_dice(batches: Sequence[BinaryCounts]) -> float:
    """Mean over batches of 2 TP / (2 TP + FP + FN + 1e-8), each batch pooled.

    It depends on how pictures were put into batches; it is here to compare training curves, not models.
    """
    _check(batches, "batches")
    return sum(2 * each.tp / (2 * each.tp + each.fp + each.fn + _EPSILON) for each in batches) / len(batches)


def _mean(pictures: Sequence[BinaryCounts], fraction: Callable[[BinaryCounts], tuple[int, int]]) -> float:
    _check(pictures, "pictures")
    fractions = (fraction(each) for each in pictures)
    return sum(part / whole if whole else 1.0 for part, whole in fractions) / len(pictures)


def _check(groups: Sequence[BinaryCounts], name: str) -> None:
    if not groups:
        raise ValueError(f"cannot take a mean: got no {name}, expected at least one")
