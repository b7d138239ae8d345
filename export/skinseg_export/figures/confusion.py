"""The confusion matrix as a heat map: counts and shares in every cell, the share of the row as its shade."""

from collections.abc import Sequence

import numpy as np

from skinseg_edge.confusion import ConfusionMatrix
from skinseg_export.figures.canvas import new_figure, png_of, shortened, text_width_px, words
from skinseg_export.figures.palette import INK, PAPER, QUIET, amounts

__all__ = ["confusion_png"]

_CELL = 96  # px; narrower, a count of eight digits would leave it
_WIDEST_CELL = 124  # px; longer names are turned
_SMALL_CELL = 30  # px, without figures
_MOST_WITH_FIGURES = 16  # classes
_NAME_WIDTH = 150  # px
_DARK_FROM = 0.55  # share; from here on white letters are the readable ones


def confusion_png(matrix: ConfusionMatrix, classes: Sequence[str], title: str = "Pixels at network size") -> bytes:
    """Draw *matrix*: a row a true class, a column a class found, named by *classes*.

    Every row adds up to 100 %, so its diagonal is the class's recall. Above 16 classes the cells hold no figures.

    Raises ValueError if there is not one name a class, ToolMissing if matplotlib is not installed.
    """
    if len(classes) != matrix.classes:
        raise ValueError(f"cannot draw the confusion matrix: got {len(classes)} names for {matrix.classes} classes")
    with_figures = matrix.classes <= _MOST_WITH_FIGURES
    names = [shortened(name, _NAME_WIDTH, 9) for name in classes]
    widest = int(max(text_width_px(name, 9) for name in names))
    cell = min(max(_CELL, widest + 14), _WIDEST_CELL) if with_figures else _SMALL_CELL
    left = 46 + widest
    is_slanted = widest > cell - 8
    bottom = 50 + (widest if is_slanted else 16)
    side = cell * matrix.classes
    width, height = max(left + side + 100, 430), side + bottom + 54
    figure = new_figure(width, height, is_laid_out=False)
    axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
    shades = axes.imshow(matrix.shares, cmap=amounts(), vmin=0, vmax=1, aspect="auto")
    numbers = range(matrix.classes)
    axes.set_xticks(numbers, [words(name) for name in names], rotation=90 if is_slanted else 0, fontsize=9)
    axes.set_yticks(numbers, [words(name) for name in names], fontsize=9)
    axes.tick_params(length=0, colors=INK, pad=5)
    axes.set_xticks(np.arange(0.5, matrix.classes - 1), minor=True)
    axes.set_yticks(np.arange(0.5, matrix.classes - 1), minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=2 if with_figures else 0.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    figure.text(left / width, 1 - 30 / height, words(title), fontsize=11, color=INK, weight="bold")
    figure.text((left + side / 2) / width, 14 / height, "class found", fontsize=9.5, color=QUIET, ha="center")
    figure.text(
        16 / width, (bottom + side / 2) / height, "true class", fontsize=9.5, color=QUIET, va="center", rotation=90
    )
    if with_figures:
        for row, column in np.ndindex(matrix.counts.shape):
            share = matrix.shares[row, column]
            colour = PAPER if share > _DARK_FROM else INK
            axes.text(column, row - 0.1, f"{100 * share:.1f} %", ha="center", va="center", color=colour, fontsize=10)
            count = f"{matrix.counts[row, column]:,}"
            axes.text(column, row + 0.2, count, ha="center", va="center", color=colour, fontsize=7, alpha=0.85)
    bar_axes = figure.add_axes(((left + side + 20) / width, bottom / height, 14 / width, side / height))
    bar = figure.colorbar(shades, cax=bar_axes, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["0 %", "25 %", "50 %", "75 %", "100 %"], fontsize=8, color=INK)
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    return png_of(figure)
