"""Where frames come from: what a capture can do, and the one that OpenCV gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import PictureTooLarge, PictureUnreadable, ToolMissing
from skinseg_runtime.video.csi_camera import csi_pipeline
from skinseg_runtime.video.opencv_build import check_gstreamer
from skinseg_runtime.video.stream_names import Stream

__all__ = ["ANSWER_S", "Capture", "OpenCvCapture", "open_capture", "quiet", "rgb_from_frame"]

ANSWER_S = 10.0
"""Seconds within which OpenCV must open a stream, and give each frame of one."""

_MOST_RATE = 1000  # frames a second; some files without a clock claim 90,000


class Capture(Protocol):
    """What the reader needs.

    *rate*: frames a second as the stream announces them, None if unknown. *announced_frames*: how many its header
    speaks of, None if it is endless or silent.
    """

    rate: float | None
    announced_frames: int | None

    def grab(self) -> bool:
        """Go on to the next frame without decoding it; False at the end, or when none came in time."""
        ...

    def retrieve(self) -> NDArray[np.uint8] | None:
        """Return the frame, (H, W, 3) uint8 RGB; None if it is damaged."""
        ...

    def position_s(self) -> float | None:
        """Return the time of the frame that was grabbed, s from the beginning; None if the stream does not tell."""
        ...

    def close(self) -> None:
        """Give the device or file back; a second call does nothing."""
        ...


class OpenCvCapture:
    """A `Capture` from cv2.VideoCapture."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        """Take over a capture that is open."""
        self._capture = capture
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate = rate if 0 < rate <= _MOST_RATE else None
        self.announced_frames = int(count) if 0 < count < 2**31 else None

    def grab(self) -> bool:
        """Go on to the next frame."""
        return self._capture.grab()

    def retrieve(self) -> NDArray[np.uint8] | None:
        """Decode the frame that was grabbed."""
        is_whole, frame = self._capture.retrieve()
        return rgb_from_frame(np.asarray(frame)) if is_whole and frame is not None else None

    def position_s(self) -> float | None:
        """Return the frame's time."""
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return position / 1000 if np.isfinite(position) and position >= 0 else None

    def close(self) -> None:
        """Release the capture."""
        self._capture.release()


def open_capture(stream: Stream, max_pixels: int) -> Capture:
    """Open *stream* with OpenCV; *max_pixels*: largest width x height of its frames.

    FFmpeg and OpenCV print their own words about what they cannot read; they are kept quiet, unless the environment's
    OPENCV_FFMPEG_LOGLEVEL or OPENCV_LOG_LEVEL asks for them.

    Raises ToolMissing if there is no such camera, no answer, or no GStreamer in this OpenCV, PictureUnreadable if a
    file is no video, PictureTooLarge if its frames are larger than the limit.
    """
    if stream.kind in ("csi", "gstreamer"):
        check_gstreamer(stream.name)
    if stream.kind == "camera":
        _check_plugged(stream)
    with quiet():
        capture = _opened(stream)
    if not capture.isOpened():
        raise _not_open(stream)
    rows, columns = capture.get(cv2.CAP_PROP_FRAME_HEIGHT), capture.get(cv2.CAP_PROP_FRAME_WIDTH)
    if rows * columns > max_pixels:
        capture.release()
        raise PictureTooLarge(
            f"cannot segment {stream.name}: its frames have {columns:.0f} x {rows:.0f} pixels, the limit is "
            f"{max_pixels:,}; scale it down"
        )
    return OpenCvCapture(capture)


def rgb_from_frame(frame: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Turn OpenCV's pixels, (H, W), (H, W, 1), BGR or BGRA uint8, into (H, W, 3) RGB; None if they are none of these.

    >>> rgb_from_frame(np.zeros((4, 6), np.uint8)).shape
    (4, 6, 3)
    """
    codes = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
    channels = 1 if frame.ndim == 2 else frame.shape[-1]
    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or channels not in codes or frame.size == 0:
        return None
    return np.asarray(cv2.cvtColor(frame, codes[channels]), np.uint8)


def _opened(stream: Stream) -> cv2.VideoCapture:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(ANSWER_S * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC]
    limits.append(round(ANSWER_S * 1000))
    match stream.kind:
        case "camera":
            return _camera(stream)
        case "csi":
            return cv2.VideoCapture(csi_pipeline(int(stream.address), stream.size), cv2.CAP_GSTREAMER)
        case "gstreamer":
            return cv2.VideoCapture(stream.address, cv2.CAP_GSTREAMER)
        case _:
            found = cv2.VideoCapture(stream.address, cv2.CAP_FFMPEG, limits)
            # JetPack's OpenCV has GStreamer and may lack FFmpeg.
            return found if found.isOpened() else cv2.VideoCapture(stream.address, cv2.CAP_GSTREAMER)


def _camera(stream: Stream) -> cv2.VideoCapture:
    system = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
    capture = cv2.VideoCapture(int(stream.address), system)
    if capture.isOpened() and stream.size is not None:
        # Large pictures come over USB at full rate as JPEG only.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, stream.size.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, stream.size.height)
        if stream.size.rate is not None:
            capture.set(cv2.CAP_PROP_FPS, stream.size.rate)
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what the driver keeps is old when it comes
    return capture


def _check_plugged(stream: Stream) -> None:
    if sys.platform.startswith("linux") and not Path(f"/dev/video{stream.address}").exists():
        there = sorted(path.name for path in Path("/dev").glob("video*"))
        found = f"there are {', '.join(there)}" if there else "there is no camera at all"
        raise ToolMissing(f"cannot open {stream.name}: there is no /dev/video{stream.address}, {found}; plug it in")


def _not_open(stream: Stream) -> ToolMissing | PictureUnreadable:
    if stream.kind == "file":
        return PictureUnreadable(
            f"cannot read {stream.name} as a video: it is empty, cut off, or of no format that this OpenCV "
            f"({cv2.__version__}) knows; play it elsewhere, or save it as MP4 (H.264)"
        )
    advice = {
        "camera": "close what else uses it, and check that this account may open it (group video)",
        "csi": "check the cable, and that the service nvargus-daemon runs",
        "gstreamer": "try the line with gst-launch-1.0, with fakesink in place of appsink",
        "network": "check address, user, password and network",
    }[stream.kind]
    return ToolMissing(f"cannot open {stream.name}: it does not open; {advice}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep FFmpeg and OpenCV from printing what they cannot read, as `open_capture` says."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, by the first stream of a process
    # OpenCV 5 moved the two functions; may go when pyproject.toml asks for 5.
    levels: Any = getattr(cv2.utils, "logging", cv2)
    before = levels.getLogLevel()
    if "OPENCV_LOG_LEVEL" not in os.environ:
        levels.setLogLevel(0)
    try:
        yield
    finally:
        levels.setLogLevel(before)
