"""How far the network can be believed: how often it was right against how sure it was."""

import numpy as np

from skinseg_export.figures.canvas import new_figure, png_of, spare_frame
from skinseg_export.figures.palette import ACCENT, INK, MAIN, QUIET
from skinseg_export.probability_histograms import Calibration

__all__ = ["calibration_png"]


def calibration_png(calibration: Calibration) -> bytes:
    """Draw accuracy against confidence, and below it where the pixels lie.

    A point under the diagonal is a network too sure of itself. Bins without a pixel have no point.

    Raises ToolMissing if matplotlib is not installed.
    """
    figure = new_figure(640, 760)
    from matplotlib.ticker import FuncFormatter

    bins = len(calibration.share)
    edges = np.linspace(0, 1, bins + 1)
    filled = calibration.share > 0
    curve, shares = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    curve.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":", label="as sure as right")
    confidence, accuracy = calibration.confidence[filled], calibration.accuracy[filled]
    curve.vlines(
        confidence,
        np.minimum(confidence, accuracy),
        np.maximum(confidence, accuracy),
        color=ACCENT,
        alpha=0.45,
        linewidth=5,
    )
    curve.plot(confidence, accuracy, "o-", color=MAIN, linewidth=1.8, markersize=5, label="this network")
    curve.set_ylabel("share of pixels decided rightly", color=INK)
    curve.set_title(
        f"Expected calibration error {calibration.ece:.4f}", fontsize=11, color=INK, loc="left", weight="bold"
    )
    curve.legend(loc="upper left", frameon=False, fontsize=9)
    shares.stairs(np.where(filled, calibration.share, np.nan), edges, fill=True, color=MAIN, alpha=0.85)
    shares.set_yscale("log")
    shares.set_ylim(min(0.01, float(calibration.share[filled].min(initial=1)) / 2), 1.5)
    shares.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    shares.set_ylabel("of all pixels", color=INK)
    shares.set_xlabel("confidence in the class decided for", color=INK)
    lowest = float(edges[:-1][filled].min()) if filled.any() else 0.0
    curve.set_xlim(lowest - 0.01, 1.01)
    curve.set_ylim(max(-0.01, min(lowest, float(accuracy.min(initial=1))) - 0.03), 1.01)
    for axes in (curve, shares):
        spare_frame(axes)
    return png_of(figure)
