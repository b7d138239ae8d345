"""What travels through the pipeline: a frame, and the same frame with what was found on it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.segmentation import Segmentation

__all__ = ["Analysed", "Counts", "Frame"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    *number*: from 0, its place in the stream, with those counted that were skipped or dropped. *time_s*: seconds since
    the stream's beginning, by its own clock in a file, by this machine's in a live one. *pixels*: (H, W, 3) uint8 RGB.
    *arrived_s*: when it was there, by `time.monotonic`. *read_ms*: how long decoding it took, and for a camera waiting
    for it. *dropped*: how many frames were dropped before it was there.
    """

    number: int
    time_s: float
    pixels: NDArray[np.uint8]
    arrived_s: float
    read_ms: float
    dropped: int = 0


@dataclass(frozen=True, eq=False)
class Analysed:
    """A frame and what the network said of just this frame; *smoothing*: what `Smoother` did, None if there is none."""

    frame: Frame
    segmentation: Segmentation
    smoothing: str | None = None


@dataclass
class Counts:
    """What became of the frames; read = skipped + unreadable + dropped + segmented, once all threads are joined.

    *read*: how many the stream gave. *skipped*: left out by --every. *unreadable*: damaged. *dropped*: late, or left
    in the pipeline when it was stopped. *segmented*: those with a row. *reconnects*: how often the stream was opened
    again.
    """

    read: int = 0
    skipped: int = 0
    unreadable: int = 0
    dropped: int = 0
    segmented: int = 0
    reconnects: int = 0

    def to_json(self) -> dict[str, int]:
        """Return plain values for `json.dumps`."""
        return dict(vars(self))
