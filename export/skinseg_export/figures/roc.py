"""ROC curves over all pixels at network size: one line a class against all others, whole and its upper left corner."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_export.evaluation import Evaluation
from skinseg_export.figures.canvas import new_figure, png_of, shortened, spare_frame, words
from skinseg_export.figures.palette import ACCENT, INK, MAIN, QUIET, line_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["roc_png"]

_CORNER = 0.2  # how much of each axis the right panel shows
_MOST_LINES = 8  # in the legend inside; more go beside the picture
_NAME_WIDTH, _LINE = 200, 21  # px, of the legend


def roc_png(evaluation: Evaluation) -> bytes:
    """Draw the curve of the lesion, or one a class where there are several; good networks differ in the corner.

    A class of which no pixel was drawn, or every one, has no curve and says so in the legend.

    Raises ToolMissing if matplotlib is not installed.
    """
    curves = _curves(evaluation)
    is_long = len(curves) > _MOST_LINES
    figure = new_figure(1400, max(590, _LINE * (len(curves) + 2))) if is_long else new_figure(1150, 590)
    whole, corner = figure.subplots(1, 2)
    for axes in (whole, corner):
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
        for label, colour, rates in curves:
            axes.plot(*rates, color=colour, linewidth=1.8, label=words(label), clip_on=True)
        if evaluation.contract.is_binary:
            at = evaluation.network
            axes.plot(
                [1 - at.specificity], [at.sensitivity], "o", color=ACCENT, markersize=7, label="at the threshold in use"
            )
        axes.set_aspect("equal")
        axes.set_xlabel("false positive rate", color=INK)
        spare_frame(axes)
    whole.set_ylabel("true positive rate", color=INK)
    _limits(whole, (0, 1), (0, 1), 0.01)
    _limits(corner, (0, _CORNER), (1 - _CORNER, 1), 0.002)
    whole.set_title("Pixels at network size, all thresholds", fontsize=11, color=INK, loc="left", weight="bold")
    corner.set_title("The upper left corner", fontsize=11, color=INK, loc="left", weight="bold")
    handles, labels = whole.get_legend_handles_labels()
    if is_long:
        figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=8)
    else:
        whole.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none", fontsize=9)
    return png_of(figure)


def _limits(axes: "Axes", across: tuple[float, float], up: tuple[float, float], margin: float) -> None:
    axes.set_xlim(across[0] - margin, across[1] + margin)
    axes.set_ylim(up[0] - margin, up[1] + margin)


def _curves(evaluation: Evaluation) -> list[tuple[str, str, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """List label, colour and rates of every line."""
    names = evaluation.contract_classes
    colours = [MAIN] if evaluation.contract.is_binary else line_colours(len(names))
    curves = []
    for k, name in enumerate(names):
        area, short = evaluation.auc_of(k), shortened(name, _NAME_WIDTH, 9)
        if math.isnan(area):
            nothing = np.full(1, np.nan)
            curves.append((f"{short}, no curve", colours[k], (nothing, nothing)))
        else:
            curves.append((f"{short}, AUC {area:.4f}", colours[k], evaluation.roc_of(k)))
    return curves
