"""The sensitivity of every layer as bars: what the mask loses with it in INT8, and what it regains without."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from skinseg_export.figures.canvas import new_figure, png_of, shortened, spare_frame, text_width_px, words
from skinseg_export.figures.palette import ACCENT, INK, MAIN, QUIET, TRUTH, hex_of
from skinseg_export.quantization.sensitivity import LayerSensitivity, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sensitivity_png"]

_TITLE = "What each layer costs in INT8"
_LOSS, _GAIN = hex_of(TRUTH), MAIN
_RESTORED_BAND, _MARK = "#fbe9e1", "● "  # the accent, faint; both, for who sees no colours
_NAME_WIDTH, _BARS_WIDTH, _FIGURES_WIDTH = 380, 520, 150  # px
_LEAST_LEFT = 130  # px, so that the legend fits above
_ROW, _TOP, _FOOT, _MARGIN = 22, 104, 84, 14  # px
_SIZE, _TITLE_SIZE = 8.5, 11.0  # points
_LEAST_SPAN = 1e-3  # of Dice: rounding noise shall not look like damage


def sensitivity_png(sensitivity: Sensitivity, restored: Collection[str] = (), title: str = _TITLE) -> bytes:
    """Draw a row a layer, the one to restore first on top: two bars in mean Dice, both figures at the end.

    *restored*: the layers that stay in half precision; their rows are marked. Too long a name keeps its end.

    Raises ValueError if there is no layer, ToolMissing if matplotlib is not installed.
    """
    layers = sensitivity.sorted_layers
    if not layers:
        raise ValueError("cannot draw sensitivity: got no layer, expected at least one")
    names = [(_MARK if each.layer in restored else "") + _end_of(each.layer) for each in layers]
    left = max(_LEAST_LEFT, 2 * _MARGIN + int(max(text_width_px(name, _SIZE) for name in names)))
    width, height = left + _BARS_WIDTH + _FIGURES_WIDTH, _TOP + _ROW * len(layers) + _FOOT
    figure = new_figure(width, height, is_laid_out=False)
    box = (left / width, _FOOT / height, _BARS_WIDTH / width, _ROW * len(layers) / height)
    axes = figure.add_axes(box)
    _draw_bars(axes, layers)
    _mark_rows(axes, layers, names, restored)
    _write_figures(axes, layers)
    _write_head(figure, sensitivity, title, has_restored=any(each.layer in restored for each in layers))
    return png_of(figure)


def _end_of(name: str) -> str:
    """Return *name*, or its end with an ellipsis before: what tells the layers of one block apart stands last."""
    return shortened(name[::-1], _NAME_WIDTH, _SIZE)[::-1]


def _draw_bars(axes: "Axes", layers: tuple[LayerSensitivity, ...]) -> None:
    rows = np.arange(len(layers))
    losses, gains = (np.array([getattr(each, name) for each in layers]) for name in ("loss_alone", "gain_restored"))
    axes.barh(rows - 0.19, losses, 0.36, color=_LOSS, zorder=2)
    axes.barh(rows + 0.19, gains, 0.36, color=_GAIN, zorder=2)
    axes.axvline(0, color=QUIET, linewidth=0.8, zorder=3)
    low, high = min(0.0, losses.min(), gains.min()), max(_LEAST_SPAN, losses.max(), gains.max())
    axes.set_xlim(low * 1.05, high * 1.05)
    axes.locator_params(axis="x", nbins=6)
    axes.set_ylim(len(layers) - 0.5, -0.5)
    axes.set_xlabel("mean Dice", color=INK, fontsize=9)
    spare_frame(axes, grid="x")


def _mark_rows(axes: "Axes", layers: tuple[LayerSensitivity, ...], names: list[str], restored: Collection[str]) -> None:
    axes.set_yticks(range(len(names)), [words(name) for name in names], fontsize=_SIZE)
    axes.tick_params(axis="y", length=0)
    for row, (each, label) in enumerate(zip(layers, axes.get_yticklabels(), strict=True)):
        if each.layer in restored:
            axes.axhspan(row - 0.5, row + 0.5, color=_RESTORED_BAND, linewidth=0, zorder=0)
            label.set_color(ACCENT)


def _write_figures(axes: "Axes", layers: tuple[LayerSensitivity, ...]) -> None:
    """Write both figures of every layer beside its bars: a small one has hardly a bar."""
    across = axes.get_yaxis_transform()
    for edge, heading in ((0.46, "lost"), (0.95, "regained")):
        x = 1 + edge * _FIGURES_WIDTH / _BARS_WIDTH
        axes.text(x, -0.9, heading, transform=across, ha="right", fontsize=_SIZE, color=QUIET)
        for row, each in enumerate(layers):
            value = each.loss_alone if heading == "lost" else each.gain_restored
            axes.text(
                x, row, _figure(value), transform=across, ha="right", va="center_baseline", fontsize=_SIZE, color=INK
            )


def _figure(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4f}"  # plus 0.0: no minus before a figure that is rounded to nothing


def _write_head(figure: "Figure", sensitivity: Sensitivity, title: str, *, has_restored: bool) -> None:
    from matplotlib.patches import Patch

    width, height = (float(inches * figure.dpi) for inches in figure.get_size_inches())
    heading = words(shortened(title, 0.9 * (width - 2 * _MARGIN), _TITLE_SIZE))  # bold letters are a tenth wider
    figure.text(_MARGIN / width, 1 - 26 / height, heading, fontsize=_TITLE_SIZE, color=INK, weight="bold")
    entries = [
        Patch(color=_LOSS, label="lost: only this layer in INT8"),
        Patch(color=_GAIN, label="regained: all in INT8 but this layer"),
    ]
    if has_restored:
        entries.append(Patch(facecolor=_RESTORED_BAND, edgecolor=ACCENT, label=f"{_MARK}stays in half precision"))
    figure.legend(
        handles=entries,
        loc="upper left",
        bbox_to_anchor=(0, 1 - 36 / height),
        ncols=len(entries),
        frameon=False,
        fontsize=_SIZE,
        labelcolor=INK,
    )
    note = f"mean Dice to the trained network's masks: {sensitivity.all_dice:.4f} with all of them in INT8, "
    note += f"{sensitivity.none_dice:.4f} with none"
    figure.text(_MARGIN / width, 14 / height, note, fontsize=8, color=QUIET)
