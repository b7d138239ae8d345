"""An evaluation to look at: the worst cases with both outlines, and the ROC curve."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import ToolMissing
from skinseg_edge.image_io import decode, decode_mask, encode_png
from skinseg_edge.preprocessing import resize_pixels
from skinseg_export.evaluation import Evaluation, PictureScore
from skinseg_runtime import Segmenter
from skinseg_runtime.overlay import draw

__all__ = ["roc_png", "worst_cases_png", "write_pictures"]

_TRUTH = (255, 196, 61)  # RGB: amber beside the overlay's turquoise
_TILE = 320  # px, longer side of a picture in the sheet
_CAPTION = 26  # px, height of the line below it
_COLUMNS = 4


def write_pictures(folder: Path, segmenter: Segmenter, evaluation: Evaluation, *, worst: int = 12) -> list[Path]:
    """Write `worst.png` and `roc.png` into *folder* and return their paths.

    Raises ToolMissing if matplotlib is not installed.
    """
    pages = {
        "worst.png": worst_cases_png(segmenter, evaluation.worst(worst)),
        "roc.png": roc_png(evaluation),
    }
    for name, page in pages.items():
        write_bytes_atomically(folder / name, page)
    return [folder / name for name in pages]


def worst_cases_png(segmenter: Segmenter, scores: Sequence[PictureScore]) -> bytes:
    """Draw *scores* as a sheet: the drawn mask's outline in amber, the segmenter's in turquoise, Dice below."""
    tiles = [_tile(segmenter, score) for score in scores]
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (_TILE + _CAPTION), columns * _TILE, 3), 24, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (_TILE + _CAPTION), number % columns * _TILE
        height, width = tile.shape[:2]
        sheet[top : top + height, left : left + width] = tile
    return encode_png(sheet)


def _tile(segmenter: Segmenter, score: PictureScore) -> NDArray[np.uint8]:
    pixels = decode(score.pair.picture).pixels
    scale = _TILE / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
    small = resize_pixels(pixels, size)
    for mask, colour in ((decode_mask(score.pair.mask), _TRUTH), (segmenter.segment(score.pair.picture).mask, None)):
        smaller = resize_pixels(np.where(mask, np.uint8(255), np.uint8(0)), size) >= 128
        small = draw(small, smaller) if colour is None else draw(small, smaller, light=colour)
    tile = np.full((_TILE + _CAPTION, _TILE, 3), 24, np.uint8)
    tile[: size[0], : size[1]] = small
    cv2.putText(
        tile,
        f"{score.pair.name}   Dice {score.dice:.3f}",
        (6, _TILE + _CAPTION - 8),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.5,
        (235, 235, 235),
        1,
        cv2.LINE_AA,
    )
    return tile


def roc_png(evaluation: Evaluation) -> bytes:
    """Draw the ROC curve over all pixels at network size.

    Raises ToolMissing if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolMissing(
            "cannot draw the ROC curve: matplotlib is missing; install it with pip install 'skinseg-edge[train]'"
        ) from error
    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    false_rate, true_rate = evaluation.roc
    axes.plot(false_rate, true_rate, color="#2f6f73", label=f"AUC {evaluation.auc:.4f}")
    at = evaluation.network
    axes.plot([1 - at.specificity], [at.sensitivity], "o", color="#c2410c", label="at the contract's threshold")
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8, linestyle=":")
    axes.set_xlabel("false positive rate (skin pixels)")
    axes.set_ylabel("true positive rate (lesion pixels)")
    axes.legend(loc="lower right", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
