"""The drawn frames as a video file that appears whole, and that can be played even after Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import check_free, refusing_output_errors
from skinseg_edge.errors import InputError, OutputRefused
from skinseg_runtime.video.half_files import HalfFile
from skinseg_runtime.video.stream_names import check_is_text

__all__ = ["Recording", "check_path"]

_CODECS = {".mp4": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}  # what PyPI's OpenCV writes without other libraries
_LONGEST_GAP_S = 10.0


class Recording:
    """Writes frames to *path*, at *rate* frames a second; `publish` puts the file in its place, `discard` removes it.

    *keeps_time*: repeat or leave out frames so that the file's clock is that of the frames' times, as a live stream
    with dropped frames needs; a gap is filled up to 10 s. Otherwise each frame is written once. A frame of another
    size than the first is fitted into it with black borders; an odd row or column is cut off, as codecs ask.

    Raises OutputRefused if the file is there and not *force*, InputError if its name ends like no format we write.
    """

    def __init__(self, path: Path, rate: float, *, keeps_time: bool, force: bool) -> None:
        check_path(path, force=force)
        self.path = path
        self._rate, self._keeps_time = rate, keeps_time
        self._half: HalfFile | None = None
        self._writer: cv2.VideoWriter | None = None
        self._hw = (0, 0)
        self._written = 0
        self._began_s = 0.0

    def add(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        """Write a frame, (H, W, 3) uint8 RGB; *time_s*: its time in the stream.

        Raises OutputRefused if the file cannot be opened.
        """
        writer = self._writer if self._writer is not None else self._started(pixels, time_s)
        fitted = _fitted(pixels, self._hw)
        for _ in range(self._repeats(time_s)):
            writer.write(fitted)
            self._written += 1

    def publish(self) -> Path | None:
        """Finish the file and put it in its place; None if no frame came.

        Raises OutputRefused if it cannot be played, as after a full disk, or its place cannot be written.
        """
        if self._writer is None or self._half is None:
            return None
        self._writer.release()
        self._writer = None
        self._check_playable(self._half.path)
        with refusing_output_errors(self.path):
            self._half.publish(self.path)
        return self.path

    def discard(self) -> None:
        """Remove what is not published; a second call does nothing."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        if self._half is not None:
            self._half.discard()

    def _started(self, pixels: NDArray[np.uint8], time_s: float) -> cv2.VideoWriter:
        rows, columns = (max(2, side // 2 * 2) for side in pixels.shape[:2])
        self._hw, self._began_s = (rows, columns), time_s
        with refusing_output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._half = HalfFile(self.path.parent, self.path.suffix.lower())  # OpenCV does not say why it cannot
        codec = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._half.path), codec, self._rate, (columns, rows))
        if not self._writer.isOpened():
            raise OutputRefused(
                f"cannot write {self.path}: this OpenCV ({cv2.__version__}) has no writer for {self.path.suffix}; try "
                "another of " + ", ".join(_CODECS)
            )
        return self._writer

    def _repeats(self, time_s: float) -> int:
        if not self._keeps_time:
            return 1
        due = int((time_s - self._began_s) * self._rate) + 1 - self._written
        if due > _LONGEST_GAP_S * self._rate:
            # What the gap has more than that is taken out of the file's clock.
            self._began_s += due / self._rate - _LONGEST_GAP_S
            return round(_LONGEST_GAP_S * self._rate)
        return max(0, due)

    def _check_playable(self, written: Path) -> None:
        """Look into the file: OpenCV's writer keeps silent about a full disk."""
        reader = cv2.VideoCapture(str(written))
        try:
            if reader.isOpened() and reader.get(cv2.CAP_PROP_FRAME_COUNT) >= self._written - 1:
                return
        finally:
            reader.release()
        raise OutputRefused(
            f"cannot write {self.path}: of {self._written} frames not all are in the file; free some space on the disk "
            "and run again"
        )


def check_path(path: Path, *, force: bool) -> None:
    """Check, before any work, that a recording may be written there.

    Raises OutputRefused if the file is there and not *force*, InputError if its name ends like no format we write or is
    no text.
    """
    check_is_text(str(path.resolve()), f"record {path}")
    if path.suffix.lower() not in _CODECS:
        raise InputError(f"cannot record {path}: expected a name that ends with {', '.join(_CODECS)}; choose one")
    check_free(path, force=force)


def _fitted(pixels: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Return BGR pixels of size *hw*: cut by an odd row or column, or scaled between black borders."""
    rows, columns = hw
    if not (rows <= pixels.shape[0] <= rows + 1 and columns <= pixels.shape[1] <= columns + 1):
        scale = min(rows / pixels.shape[0], columns / pixels.shape[1])
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        scaled = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        pixels = np.zeros((rows, columns, 3), np.uint8)
        top, left = (rows - scaled.shape[0]) // 2, (columns - scaled.shape[1]) // 2
        pixels[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return np.asarray(cv2.cvtColor(pixels[:rows, :columns], cv2.COLOR_RGB2BGR), np.uint8)
