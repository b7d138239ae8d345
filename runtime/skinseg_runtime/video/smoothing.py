"""Steadier outlines: the network's probabilities of successive frames, averaged where the camera holds still.

Exponential averaging, m = a p + (1 - a) m with a = 1 - exp(-dt / seconds): what lies `seconds` back counts 1/e. When
the picture moves, the average would smear the outline along, so it starts anew. Whether it moved is told by a thumbnail
of the frame, b, and one that is averaged in the same way, a, so that a slow drift adds up as it does in the outline:

    change = mean((a - b)^2) / (mean variance of a and b + 4^2)

in grey levels less their means, so that a camera that adjusts its exposure does not count; 4 levels stand for noise.
docs/video.md says what limit and smoothing were tried on.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.preprocessing import Placement
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.video.frames import Frame

__all__ = ["CHANGE_LIMIT", "Smoother", "change_between", "thumbnail_of"]

CHANGE_LIMIT = 0.06
"""Change above which the average starts anew; 0 where nothing moved, about 2 for another picture.

Set on 40 training photos of ISIC 2018: a shift by 2 % of the width gives 0.054 in the median; noise of 12 grey levels
stays below 0.033, and light that grows by 15 % below 0.023.
"""

_SIDE = 48  # px of a thumbnail
_NOISE = 4.0  # grey levels
_LONGEST_GAPS = 3.0  # times `seconds`: an average from before counts no more


@dataclass(frozen=True, eq=False)
class _Memory:
    """What the last frame left: the averages, where it lay, and its time, s."""

    probability: NDArray[np.float32]
    placement: Placement
    thumbnail: NDArray[np.float32]
    time_s: float


class Smoother:
    """Averages over *seconds* (more than 0); frames come in their order."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._memory: _Memory | None = None

    def smoothed(self, frame: Frame, segmentation: Segmentation) -> tuple[Segmentation, str]:
        """Return the frame's segmentation with averaged probabilities, and what was done.

        That is "averaged", or why the average starts anew with this frame: "first frame", "motion", "gap" or "size".
        """
        thumbnail, probability = thumbnail_of(frame.pixels), segmentation.network_probability
        reason = self._reason_to_begin(frame, segmentation.placement, thumbnail)
        if reason is None and self._memory is not None:
            weight = np.float32(1 - math.exp((self._memory.time_s - frame.time_s) / self._seconds))
            probability = _averaged(self._memory.probability, probability, weight)
            thumbnail = _averaged(self._memory.thumbnail, thumbnail, weight)
        self._memory = _Memory(probability, segmentation.placement, thumbnail, frame.time_s)
        return replace(segmentation, network_probability=probability), reason or "averaged"

    def _reason_to_begin(self, frame: Frame, placement: Placement, thumbnail: NDArray[np.float32]) -> str | None:
        if self._memory is None:
            return "first frame"
        if placement != self._memory.placement:
            return "size"
        if frame.time_s - self._memory.time_s > _LONGEST_GAPS * self._seconds:
            return "gap"
        return "motion" if change_between(self._memory.thumbnail, thumbnail) > CHANGE_LIMIT else None


def thumbnail_of(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (48, 48) float32 grey levels less their mean, each the average of its part of (H, W, 3) uint8 RGB."""
    # At most four pixels each way in one part: an average of all of them takes ten times as long and says no more.
    step = max(1, min(pixels.shape[:2]) // (4 * _SIDE))
    small = cv2.resize(np.ascontiguousarray(pixels[::step, ::step]), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
    return np.asarray(grey - grey.mean(), np.float32)


def _averaged(before: NDArray[np.float32], now: NDArray[np.float32], weight: np.float32) -> NDArray[np.float32]:
    return np.asarray(before + weight * (now - before), np.float32)


def change_between(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return how much of the contrast of two `thumbnail_of` has changed; see above."""
    contrast = (float(np.mean(before**2)) + float(np.mean(after**2))) / 2
    return float(np.mean((after - before) ** 2)) / (contrast + _NOISE**2)
