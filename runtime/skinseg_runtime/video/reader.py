"""The thread that reads: it keeps up with the stream, drops what nobody had time for, and comes back after a break."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from skinseg_edge.errors import DeadlinePassed, PictureUnreadable, ToolMissing
from skinseg_runtime.video.capture import Capture
from skinseg_runtime.video.frames import Counts, Frame
from skinseg_runtime.video.slot import Slot
from skinseg_runtime.video.stream_names import Stream

__all__ = ["Patience", "Reader"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long a stream may be silent, all in seconds.

    *in_all*: after which one that was lost is given up. *first_wait*, *longest_wait*: before it is opened again; the
    wait doubles each time. *stuck*: after which a call into the capture that does not come back is given up; longer
    than OpenCV's own limit, which ends nearly all of them.
    """

    in_all: float = 120.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    stuck: float = 30.0


class Reader:
    """Reads a stream into a slot; `run` is the body of its thread.

    *capture*: the stream, open; it is closed by `run`. *opens*: opens it again after a break. *every*: hand on each Nth
    frame. *drops*: whether the newest frame wins over one that still waits; otherwise reading waits, and no frame is
    lost. *paced*: hand a file's frames on at their own times. *most*: end after handing on so many.
    """

    def __init__(
        self,
        stream: Stream,
        capture: Capture,
        opens: Callable[[], Capture],
        slot: Slot[Frame],
        stop: threading.Event,
        *,
        every: int = 1,
        drops: bool,
        paced: bool = False,
        most: int | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.counts = Counts()
        self.announced_frames = capture.announced_frames
        self._stream, self._capture, self._opens, self._slot, self._stop = stream, capture, opens, slot, stop
        self._every, self._drops, self._paced, self._most = every, drops, paced, most
        self._handed_on = 0
        self._patience = patience or Patience()
        self._wait_s = self._patience.first_wait
        self._heard_s = time.monotonic()
        self._began_s: float | None = None
        self._last_time_s = -1.0
        self._in_call_since: float | None = None

    @property
    def stuck_s(self) -> float:
        """Seconds since which a call into the capture has not come back; 0 while there is none."""
        since = self._in_call_since
        return 0.0 if since is None else time.monotonic() - since

    def run(self) -> None:
        """Read until the end, or until asked to stop; then close the slot.

        Raises PictureUnreadable if a file holds no frame, ToolMissing if a camera is gone, DeadlinePassed if a network
        stream stays away.
        """
        try:
            while True:
                self._read_to_end(self._capture)
                if self._is_over or self._is_at_its_end() or not self._reopens():
                    return
        finally:
            self._slot.close()
            self._capture.close()

    @property
    def _is_over(self) -> bool:
        return self._stop.is_set() or self._handed_on == self._most

    def _read_to_end(self, capture: Capture) -> None:
        while not self._is_over:
            began = time.monotonic()
            if not self._called(capture.grab):
                return
            self._heard_s, self._wait_s = time.monotonic(), self._patience.first_wait
            number = self.counts.read
            self.counts.read += 1
            if number % self._every:
                self.counts.skipped += 1
            elif (frame := self._frame(capture, number, began)) is None:
                self.counts.unreadable += 1
            else:
                self._hand_on(frame)

    def _frame(self, capture: Capture, number: int, began: float) -> Frame | None:
        pixels = self._called(capture.retrieve)
        if pixels is None:
            return None
        arrived = time.monotonic()
        if self._began_s is None:
            self._began_s = arrived
        read_ms = (arrived - began) * 1000
        return Frame(number, self._time_of(capture, number, arrived), pixels, arrived, read_ms, self.counts.dropped)

    def _time_of(self, capture: Capture, number: int, arrived: float) -> float:
        """Return a frame's time, which never runs backwards: some files' clocks do, or stand still."""
        told = None if self._stream.is_live else capture.position_s()
        if self._stream.is_live and self._began_s is not None:
            told = arrived - self._began_s
        if told is None or told <= self._last_time_s:
            step = 1 / (capture.rate or 25.0)
            told = max(number * step, self._last_time_s + step / 2)
        self._last_time_s = told
        return told

    def _hand_on(self, frame: Frame) -> None:
        if self._paced and self._began_s is not None:
            self._stop.wait(max(0.0, self._began_s + frame.time_s - time.monotonic()))
        self._handed_on += 1
        if self._drops:
            self.counts.dropped += self._slot.put_newest(frame)
        else:
            self._slot.put_waiting(frame)

    def _is_at_its_end(self) -> bool:
        """Tell a stream's end from a break.

        Raises PictureUnreadable or ToolMissing where it should not have ended.
        """
        if self._stream.kind in ("camera", "csi"):
            raise ToolMissing(
                f"cannot go on with {self._stream.name}: it gave {self.counts.read} frames and then no more; check its "
                "plug and cable and start again"
            )
        if self._stream.kind == "network" and self.announced_frames is None:
            return False
        if self._handed_on == 0:
            raise PictureUnreadable(
                f"cannot segment {self._stream.name}: it opens and holds no frame that can be read; play it elsewhere, "
                "or save it again"
            )
        return True

    def _reopens(self) -> bool:
        """Try until the stream is there again; False if asked to stop meanwhile.

        Raises DeadlinePassed after Patience.in_all.
        """
        self._capture.close()
        while time.monotonic() - self._heard_s < self._patience.in_all:
            _log.warning("lost %s; trying again in %.3g s", self._stream.name, self._wait_s)
            if self._stop.wait(self._wait_s):
                return False
            self._wait_s = min(2 * self._wait_s, self._patience.longest_wait)
            try:
                self._capture = self._called(self._opens)
            except ToolMissing as error:
                _log.info("%s", error)
                continue
            self.counts.reconnects += 1
            return True
        raise DeadlinePassed(
            f"cannot go on with {self._stream.name}: it has sent nothing for {self._patience.in_all:.0f} s; check "
            "camera and network and start again, or give --patience more seconds"
        )

    def _called(self, call: Callable[[], T]) -> T:
        self._in_call_since = time.monotonic()
        try:
            return call()
        finally:
            self._in_call_since = None
