"""Pictures from the worst to the best in four views: photo, what was drawn, what was found, both outlines."""

from collections.abc import Sequence

from skinseg_edge.class_colours import class_colours
from skinseg_edge.contract import ModelContract
from skinseg_export.evaluation import Evaluation, PictureScore
from skinseg_export.figures.cases import case_of, outlined, tinted
from skinseg_export.figures.palette import FOUND, TRUTH, Rgb
from skinseg_export.figures.sheet import Tile, sheet_png
from skinseg_runtime import Segmenter

__all__ = ["panels_png", "spread_of"]

_SIDE = 260  # px
_RANKS = ("worst", "lower quartile", "median", "upper quartile", "best")


def spread_of(evaluation: Evaluation) -> dict[str, PictureScore]:
    """Return the pictures at the quartiles of Dice, from the worst to the best: the name of the place -> picture."""
    ordered = evaluation.worst(len(evaluation.pictures))
    last = len(ordered) - 1
    places = {round(last * number / (len(_RANKS) - 1)): name for number, name in reversed(list(enumerate(_RANKS)))}
    return {name: ordered[index] for index, name in sorted(places.items())}


def panels_png(
    segmenter: Segmenter, scores: dict[str, PictureScore], data_classes: Sequence[str] | None = None
) -> bytes:
    """Draw a row a picture of *scores*, such as `spread_of` gives, whose key stands below the photo.

    Raises ToolMissing if matplotlib is not installed.
    """
    contract = segmenter.contract
    rows = []
    for place, score in scores.items():
        case = case_of(segmenter, score, _SIDE, data_classes)
        counts = score.photo
        rows.append(
            (
                Tile(case.photo, f"{place}: {score.pair.name}"),
                Tile(tinted(case.photo, case.truth, contract, TRUTH)),
                Tile(tinted(case.photo, case.found, contract, FOUND)),
                Tile(
                    outlined(case),
                    f"Dice {score.dice:.3f}   sens. {counts.sensitivity:.3f}   prec. {counts.precision:.3f}",
                ),
            )
        )
    return sheet_png(
        rows,
        side=_SIDE,
        title="From the worst to the best, by Dice of the finished mask",
        headings=("photo", "drawn", "found", "outlines of the lesion"),
        legend=_legend(contract),
    )


def _legend(contract: ModelContract) -> list[tuple[str, Rgb]]:
    outlines: list[tuple[str, Rgb]] = [("drawn", TRUTH), ("found", FOUND)]
    if contract.is_binary:
        return outlines
    colours = class_colours(len(contract.classes)).tolist()
    classes = [(name, (red, green, blue)) for name, (red, green, blue) in zip(contract.classes, colours, strict=True)]
    return [*classes[1:], *((f"lesion {name}", colour) for name, colour in outlines)]
