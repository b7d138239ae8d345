"""The pictures a segmenter does worst on, with both outlines and what went wrong."""

from collections.abc import Sequence

from skinseg_export.evaluation import PictureScore
from skinseg_export.figures.cases import case_of, outlined
from skinseg_export.figures.palette import FOUND, TRUTH
from skinseg_export.figures.sheet import Tile, sheet_png
from skinseg_runtime import Segmenter

__all__ = ["failures_png"]

_SIDE = 300  # px
_COLUMNS = 4


def failures_png(
    segmenter: Segmenter, scores: Sequence[PictureScore], data_classes: Sequence[str] | None = None
) -> bytes:
    """Draw *scores*, such as `Evaluation.worst`, as a sheet; below each its Dice and name.

    Raises ToolMissing if matplotlib is not installed.
    """
    tiles = []
    for score in scores:
        picture = outlined(case_of(segmenter, score, _SIDE, data_classes))
        tiles.append(Tile(picture, f"Dice {score.dice:.3f}, {_fault(score)}: {score.pair.name}"))
    rows = [tiles[start : start + _COLUMNS] for start in range(0, len(tiles), _COLUMNS)]
    return sheet_png(
        rows,
        side=_SIDE,
        title="The lowest Dice of finished masks",
        legend=(("drawn", TRUTH), ("found", FOUND)),
    )


def _fault(score: PictureScore) -> str:
    """Say in a word or two what is wrong: nothing found, found on bare skin, too small, too large, or elsewhere."""
    counts = score.photo
    if score.dice > 0.95:
        return "good"
    if counts.tp + counts.fp == 0:
        return "nothing found"
    if counts.tp + counts.fn == 0:
        return "nothing to find"
    if counts.tp == 0:
        return "elsewhere"
    if counts.fn > 2 * counts.fp:
        return "too little"
    return "too much" if counts.fp > 2 * counts.fn else "shifted"
