"""Curves of a training run as a picture."""

import io
from collections.abc import Sequence
from itertools import pairwise

from skinseg_edge.training.run_folder import EpochRecord

__all__ = ["curves_png"]

_LOSS, _DICE, _BEST = "#8a5a44", "#2f6f73", "#c2410c"


def curves_png(records: Sequence[EpochRecord]) -> bytes:
    """Draw training loss and validation Dice over epochs, with the changes of picture size, as PNG bytes."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    loss_axes = figure.subplots()
    dice_axes = loss_axes.twinx()
    epochs = [record.epoch for record in records]
    loss_axes.plot(epochs, [record.loss for record in records], color=_LOSS)
    loss_axes.set_xlabel("epoch")
    loss_axes.set_ylabel("training loss", color=_LOSS)
    dice_axes.plot(epochs, [record.dice for record in records], color=_DICE)
    dice_axes.set_ylabel("validation Dice (pooled pixels)", color=_DICE)
    best = max((record for record in records if record.side == records[-1].side), key=lambda record: record.dice)
    dice_axes.plot([best.epoch], [best.dice], "o", color=_BEST)
    dice_axes.annotate(
        f"{best.dice:.4f} in epoch {best.epoch}",
        (best.epoch, best.dice),
        xytext=(0, -30),
        textcoords="offset points",
        ha="center",
        color=_BEST,
    )
    dice_axes.set_ylim(max(0.0, best.dice - 0.15), min(1.0, best.dice + 0.02))
    for before, after in pairwise(records):
        if before.side != after.side:
            loss_axes.axvline(before.epoch + 0.5, color="#999999", linewidth=0.8, linestyle=":")
    for side in dict.fromkeys(record.side for record in records):
        first = next(record.epoch for record in records if record.side == side)
        loss_axes.text(first, loss_axes.get_ylim()[1], f" {side} px", va="top", color="#666666", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
