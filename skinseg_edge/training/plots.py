"""Curves of a training run as a picture."""

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from skinseg_edge.training.run_folder import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves_png", "smoothed"]

_LOSS, _DICE, _MEAN_IOU, _BEST, _QUIET = "#8a5a44", "#2f6f73", "#5b4b8a", "#c2410c", "#666666"
_SMOOTHED_FROM = 8  # epochs; below, the raw line is smooth enough to read


def smoothed(values: Sequence[float], weight: float = 0.7) -> list[float]:
    """Return the exponential moving average of *values*: each is *weight* of the one before and the rest of its own.

    The start is corrected, so the first value stays what it is instead of being drawn to 0.

    >>> smoothed([1.0, 1.0, 2.0], weight=0.5)
    [1.0, 1.0, 1.57...]
    """
    average, seen = 0.0, 0.0
    smooth = []
    for value in values:
        average = weight * average + (1 - weight) * value
        seen = weight * seen + (1 - weight)
        smooth.append(average / seen)
    return smooth


def curves_png(records: Sequence[EpochRecord], *, classes: int = 1) -> bytes:
    """Draw loss and validation scores over epochs, with the changes of picture size, as PNG bytes.

    Pale lines are the epochs' own values, strong ones their moving average. *classes*: output maps of the network; with
    several the mean IoU of all classes is drawn, too, and with more than two it marks the best epoch.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 5.6), dpi=120, layout="constrained")
    score_axes, loss_axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    epochs = [record.epoch for record in records]
    _line(loss_axes, epochs, [record.loss for record in records], _LOSS, "training loss")
    _line(score_axes, epochs, [record.dice for record in records], _DICE, "Dice of the lesion")
    if classes > 1:
        _line(score_axes, epochs, [record.mean_iou for record in records], _MEAN_IOU, "mean IoU of all classes")
    loss_axes.set_xlabel("epoch")
    loss_axes.set_xlim(0.5, len(records) + 0.5)
    loss_axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    loss_axes.set_ylabel("training loss")
    score_axes.set_ylabel("validation score (pooled pixels)")
    drawn = [record.dice for record in records] + [record.mean_iou for record in records if classes > 1]
    _mark_best(score_axes, records, by_mean_iou=classes > 2)
    # The first stumbling epochs may leave the picture.
    score_axes.set_ylim(max(0.0, sorted(drawn)[len(drawn) // 20] - 0.05), min(1.05, max(drawn) + 0.06))
    _mark_sizes((score_axes, loss_axes), records)
    score_axes.legend(loc="lower right", frameon=False)
    for axes in (score_axes, loss_axes):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _line(axes: "Axes", epochs: Sequence[int], values: Sequence[float], colour: str, name: str) -> None:
    if len(values) < _SMOOTHED_FROM:
        axes.plot(epochs, values, color=colour, marker=".", label=name)
        return
    axes.plot(epochs, values, color=colour, alpha=0.3, linewidth=1)
    axes.plot(epochs, smoothed(values), color=colour, linewidth=1.8, label=name)


def _mark_best(axes: "Axes", records: Sequence[EpochRecord], *, by_mean_iou: bool) -> None:
    def score(record: EpochRecord) -> float:
        return record.mean_iou if by_mean_iou else record.dice

    best = max((record for record in records if record.side == records[-1].side), key=score)
    axes.plot([best.epoch], [score(best)], "o", color=_BEST, zorder=5)
    axes.annotate(
        f"{score(best):.4f} in epoch {best.epoch}",
        (best.epoch, score(best)),
        xytext=(0, 8),
        textcoords="offset points",
        ha="right" if best.epoch > len(records) / 2 else "left",
        color=_BEST,
    )


def _mark_sizes(all_axes: "tuple[Axes, Axes]", records: Sequence[EpochRecord]) -> None:
    for before, after in pairwise(records):
        if before.side != after.side:
            for axes in all_axes:
                axes.axvline(before.epoch + 0.5, color="#999999", linewidth=0.8, linestyle=":")
    top = all_axes[0]
    for side in dict.fromkeys(record.side for record in records):
        first = next(record.epoch for record in records if record.side == side)
        top.annotate(
            f"{side} px",
            (first - 0.5, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 2),
            textcoords="offset points",
            color=_QUIET,
            fontsize=8,
        )
