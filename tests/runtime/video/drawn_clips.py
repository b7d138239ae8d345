"""Clips for tests: a dark disc that stands somewhere else on each frame, and a camera that plays them."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.runtime.tiny_bundle import LESION, SKIN

HW = (96, 128)
RADIUS = 14


def centre_of(number: int) -> tuple[int, int]:
    """Return (x, y) of a frame's disc, px; no two of 40 frames in a row have the same."""
    return 24 + 10 * (number % 8), 24 + 10 * (number // 8 % 5)


def frame(number: int, hw: tuple[int, int] = HW) -> NDArray[np.uint8]:
    pixels = np.full((*hw, 3), SKIN, np.uint8)
    cv2.circle(pixels, centre_of(number), RADIUS, LESION, -1)
    return pixels


def write_clip(path: Path, frames: Iterable[NDArray[np.uint8]], *, rate: float = 10.0) -> Path:
    """Write an AVI (MJPG) or an MP4 (mp4v)."""
    writer: cv2.VideoWriter | None = None
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    for pixels in frames:
        if writer is None:
            writer = cv2.VideoWriter(str(path), codec, rate, (pixels.shape[1], pixels.shape[0]))
            assert writer.isOpened()
        writer.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert writer is not None
    writer.release()
    return path


def frames_in(path: Path) -> list[NDArray[np.uint8]]:
    """Return every frame of a file, RGB, as OpenCV decodes it."""
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8))
    capture.release()
    return found


class PlayedCamera:
    """A capture that gives *frames* and then no more; None among them is a damaged one.

    *before_grab*: called before each grab with its number. After the last frame grab answers False; if *hangs*, it does
    not come back until `closed`.
    """

    def __init__(
        self,
        frames: Iterable[NDArray[np.uint8] | None],
        *,
        rate: float | None = 25.0,
        announced: int | None = None,
        before_grab: Callable[[int], object] = lambda _: None,
        hangs: bool = False,
    ) -> None:
        self.rate, self.announced_frames = rate, announced
        self.closed = threading.Event()
        self._frames = list(frames)
        self._before_grab, self._hangs = before_grab, hangs
        self._next = 0

    def grab(self) -> bool:
        self._before_grab(self._next)
        if self._next == len(self._frames):
            if self._hangs:
                self.closed.wait(20)
            return False
        self._next += 1
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        return self._frames[self._next - 1]

    def position_s(self) -> float | None:
        return None

    def close(self) -> None:
        self.closed.set()
