"""Several models and several scores: which model is first, second, last in each, as a heat map of ranks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skinseg_export.figures.canvas import new_figure, png_of, shortened, text_width_px, words
from skinseg_export.figures.palette import INK, PAPER, QUIET, amounts

__all__ = ["ranks_of", "ranks_png"]

_NAME_WIDTH = 220  # px
_CELL_HEIGHT = 40  # px
_SHADES = (0.8, 0.0)  # first, last


def ranks_of(values: NDArray[np.float64], lower_is_better: Sequence[bool]) -> NDArray[np.float64]:
    """Return the rank of every model in every score, (models, scores) float64: 1 is best, equals share the mean rank.

    *values*: (models, scores); NaN has rank NaN. *lower_is_better*: one a score.

    >>> ranks_of(np.array([[0.9, 2.0], [0.8, 2.0], [0.7, np.nan]]), (False, True)).tolist()
    [[1.0, 1.5], [2.0, 1.5], [3.0, nan]]
    """
    signed = np.where(np.asarray(lower_is_better, np.bool_), values, -values)
    ranks = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(signed[:, column]))
        figures = signed[known, column]
        better = (figures[None] < figures[:, None]).sum(1)
        equal = (figures[None] == figures[:, None]).sum(1)
        ranks[known, column] = better + (equal + 1) / 2
    return ranks


def ranks_png(
    models: Sequence[str],
    metrics: Sequence[str],
    values: NDArray[np.float64],
    lower_is_better: Sequence[bool],
    title: str = "Ranks by score",
) -> bytes:
    """Draw a row a model and a column a score: its figure in the cell, its rank as the shade, the mean rank at the end.

    *values*: (models, metrics). The model with the lowest mean rank stands on top.

    Raises ValueError if the shapes do not fit, ToolMissing if matplotlib is not installed.
    """
    if values.shape != (len(models), len(metrics)) or len(lower_is_better) != len(metrics) or values.size == 0:
        raise ValueError(
            f"cannot draw ranks: got {values.shape} values and {len(lower_is_better)} directions for {len(models)} "
            f"models and {len(metrics)} scores"
        )
    ranks = ranks_of(values, lower_is_better)
    means = np.array([row[~np.isnan(row)].mean() if (~np.isnan(row)).any() else np.inf for row in ranks])
    order = sorted(range(len(models)), key=lambda index: float(means[index]))
    arrows = [f"{name} {'↓' if lower else '↑'}" for name, lower in zip(metrics, lower_is_better, strict=True)]
    headings = [*arrows, "mean rank"]
    names = [shortened(models[index], _NAME_WIDTH, 9) for index in order]
    cell = max(76, *(int(text_width_px(heading, 9)) + 18 for heading in headings))
    left = 30 + int(max(text_width_px(name, 9) for name in names))
    columns, rows = len(headings), len(names)
    width, height = max(left + cell * columns + 20, 460), 118 + _CELL_HEIGHT * rows
    figure = new_figure(width, height, is_laid_out=False)
    across, down = cell * columns / width, _CELL_HEIGHT * rows / height
    axes = figure.add_axes((left / width, 46 / height, across, down))
    shades = np.full((rows, columns), np.nan)
    shades[:, :-1] = _shades(ranks[order], len(models))
    axes.imshow(np.nan_to_num(shades), cmap=amounts(), vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(columns), [words(heading) for heading in headings], fontsize=9)
    axes.set_yticks(range(rows), [words(name) for name in names], fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, colors=INK, pad=5)
    axes.set_xticks(np.arange(0.5, columns - 1), minor=True)
    axes.set_yticks(np.arange(0.5, rows - 1), minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=2)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    for row, index in enumerate(order):
        for column in range(columns - 1):
            value, shade = values[index, column], shades[row, column]
            text = "-" if np.isnan(value) else f"{value:.4f}"
            colour = PAPER if shade > 0.5 else INK
            is_first = ranks[index, column] == 1
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                color=colour,
                fontsize=9,
                weight="bold" if is_first else "normal",
            )
        mean = f"{means[index]:.1f}" if np.isfinite(means[index]) else "-"
        axes.text(columns - 1, row, mean, ha="center", va="center", color=INK, fontsize=9.5, weight="bold")
    figure.text(14 / width, 1 - 28 / height, words(title), fontsize=11, color=INK, weight="bold")
    note = "dark: first, pale: last; ↑ higher is better, ↓ lower is better"
    figure.text(14 / width, 16 / height, note, fontsize=8, color=QUIET)
    return png_of(figure)


def _shades(ranks: NDArray[np.float64], models: int) -> NDArray[np.float64]:
    first, last = _SHADES
    return np.asarray(first + (last - first) * (ranks - 1) / max(models - 1, 1), np.float64)
