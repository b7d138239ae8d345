"""Every score that an evaluation is summed up in, under the name of its convention, with the heading papers give it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from skinseg_edge import picture_means
from skinseg_edge.metrics import BinaryCounts
from skinseg_export.evaluation import Evaluation

__all__ = ["SCORES", "Score", "finite", "scores_of"]

_UNET_BATCH = 32  # pictures a batch, of the U-Net paper


@dataclass(frozen=True)
class Score:
    """*key*: in files. *heading*: in tables, as papers print it. *meaning*: half a sentence. *lower_is_better*."""

    key: str
    heading: str
    meaning: str
    of: Callable[[Evaluation], float]
    lower_is_better: bool = False


def _pooled(figure: str, heading: str) -> Score:
    meaning = f"{figure} of lesion pixels, all pictures pooled, network size"
    return Score(f"pooled_{figure}", heading, meaning, lambda evaluation: float(getattr(evaluation.network, figure)))


def _per_image(figure: str, heading: str) -> Score:
    mean: Callable[[list[BinaryCounts]], float] = getattr(picture_means, f"per_image_mean_{figure}")
    meaning = f"mean over pictures of their {figure} of lesion pixels, 0/0 = 1, network size"
    return Score(
        f"per_image_mean_{figure}",
        heading,
        meaning,
        lambda evaluation: mean([score.network for score in evaluation.pictures]),
    )


def _macro(figure: str, heading: str) -> Score:
    meaning = f"mean over all classes, background included, of the pooled {figure}, network size"
    return Score(
        f"macro_{figure}", heading, meaning, lambda evaluation: float(getattr(evaluation.confusion, f"macro_{figure}"))
    )


_ALL = (
    _pooled("iou", "IoU"),
    _pooled("dice", "Dice"),
    _pooled("accuracy", "Acc"),
    _pooled("sensitivity", "Sens"),
    _pooled("specificity", "Spec"),
    _pooled("precision", "Prec"),
    _per_image("iou", "IoU"),
    _per_image("dice", "Dice"),
    _per_image("accuracy", "Acc"),
    _per_image("sensitivity", "Sens"),
    _per_image("specificity", "Spec"),
    _per_image("precision", "Prec"),
    Score(
        f"batch_mean_dice_{_UNET_BATCH}",
        "batch Dice",
        f"mean of the Dice of batches of {_UNET_BATCH} pictures, network size",
        lambda evaluation: evaluation.batch_mean_dice(_UNET_BATCH),
    ),
    _macro("iou", "mIoU"),
    _macro("dice", "mDice"),
    _macro("precision", "P"),
    _macro("recall", "R"),
    Score(
        "macro_f1",
        "F1",
        "harmonic mean of macro precision and macro recall, network size",
        lambda evaluation: evaluation.confusion.macro_f1,
    ),
    Score(
        "pooled_class_accuracy",
        "ACC",
        "share of pixels whose class was found, all pictures pooled, network size",
        lambda evaluation: evaluation.confusion.pooled_accuracy,
    ),
    Score(
        "mean_iou_lesion_background",
        "IoU l+b",
        "mean of the pooled IoU of lesion and of all else, network size",
        lambda evaluation: evaluation.confusion.mean_iou_lesion_background(evaluation.lesion_rows),
    ),
    Score("auc", "AUC", "area under the ROC curve of lesion pixels, network size", lambda evaluation: evaluation.auc),
    Score(
        "ece",
        "ECE",
        "expected calibration error over 15 bins, network size",
        lambda evaluation: evaluation.calibration().ece,
        lower_is_better=True,
    ),
    Score(
        "photo_pooled_dice",
        "Dice",
        "Dice of lesion pixels, all pictures pooled, finished masks at photo size",
        lambda evaluation: evaluation.photo.dice,
    ),
    Score(
        "photo_per_image_mean_dice",
        "mean Dice",
        "mean over pictures of their Dice, 0/0 = 1, finished masks at photo size",
        lambda evaluation: evaluation.mean_dice,
    ),
    Score(
        "photo_per_image_mean_iou",
        "mean IoU",
        "mean over pictures of their IoU, 0/0 = 1, finished masks at photo size",
        lambda evaluation: evaluation.mean_iou,
    ),
    Score(
        "photo_median_relative_hd95",
        "HD95",
        "median over pictures of the 95 % Hausdorff distance, share of the photo's diagonal",
        lambda evaluation: evaluation.median_relative_hd95,
        lower_is_better=True,
    ),
)

SCORES: dict[str, Score] = {score.key: score for score in _ALL}


def scores_of(evaluation: Evaluation) -> dict[str, float]:
    """Return every score by its key; NaN or inf where one is undefined."""
    return {key: score.of(evaluation) for key, score in SCORES.items()}


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Return *values* with None for infinity and NaN, which JSON does not know."""
    return {key: value if math.isfinite(value) else None for key, value in values.items()}
