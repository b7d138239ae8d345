"""All figures of one evaluation as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.image_io import decode
from skinseg_export.evaluation import Evaluation
from skinseg_export.figures.calibration import calibration_png
from skinseg_export.figures.confusion import confusion_png
from skinseg_export.figures.failures import failures_png
from skinseg_export.figures.panels import panels_png, spread_of
from skinseg_export.figures.roc import roc_png
from skinseg_runtime import Segmenter

if TYPE_CHECKING:
    from torch import nn

__all__ = ["write_figures"]

_ATTENTION_ROWS = 4


def write_figures(
    folder: Path,
    segmenter: Segmenter,
    evaluation: Evaluation,
    *,
    worst: int = 12,
    data_classes: Sequence[str] | None = None,
    network: nn.Module | None = None,
) -> list[Path]:
    """Write `worst.png`, `panels.png`, `confusion.png`, `roc.png` and `calibration.png` into *folder*; return them.

    *worst*: pictures on the sheet of failures. *data_classes*: as they were given to `evaluate`. *network*: of a
    checkpoint; with it `attention.png` shows the worst pictures' heat maps.

    Raises ToolMissing if matplotlib is not installed.
    """
    pages = {
        "worst.png": failures_png(segmenter, evaluation.worst(worst), data_classes),
        "panels.png": panels_png(segmenter, spread_of(evaluation), data_classes),
        "confusion.png": confusion_png(evaluation.confusion, evaluation.confusion_classes),
        "roc.png": roc_png(evaluation),
        "calibration.png": calibration_png(evaluation.calibration()),
    }
    if network is not None:
        from skinseg_export.figures.attention import attention_png  # a bundle needs no torch, which this imports

        seen = [(score.pair.name, decode(score.pair.picture).pixels) for score in evaluation.worst(_ATTENTION_ROWS)]
        pages["attention.png"] = attention_png(network, segmenter.contract, seen)
    for name, page in pages.items():
        write_bytes_atomically(folder / name, page)
    return [folder / name for name in pages]
