"""Three threads and the two places between them: read, run the network, measure and draw."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.video.frames import Analysed, Frame
from skinseg_runtime.video.reader import Reader
from skinseg_runtime.video.slot import Slot

__all__ = ["Pipeline"]


class Pipeline:
    """Runs a reader and two functions, each on a thread of its own; frames stay in their order.

    *frames*: the slot that *reader* fills; *stop*: the event it looks at. *analyse*: runs the network. *finish*: does
    the rest, and returns the picture to be shown, (H, W, 3) uint8 RGB, or None. *most*: end after so many frames.

    Between two threads waits at most one frame, so that no more than five are in memory: one read, one waiting, one in
    the network, one waiting, one drawn; and the picture for the window, of which the newest wins.
    """

    def __init__(
        self,
        reader: Reader,
        frames: Slot[Frame],
        analyse: Callable[[Frame], Analysed],
        finish: Callable[[Analysed], NDArray[np.uint8] | None],
        stop: threading.Event,
        *,
        most: int | None = None,
    ) -> None:
        self.shown: Slot[NDArray[np.uint8]] = Slot()
        self.error: BaseException | None = None
        self.finished = 0
        self._reader, self._frames, self._analyse, self._finish = reader, frames, analyse, finish
        self._analysed: Slot[Analysed] = Slot()
        self._stop, self._most = stop, most
        self._ended = threading.Event()
        # Daemons: a driver that hangs in a call must not keep the process from ending.
        self._threads = [
            threading.Thread(target=self._guarded, args=(body,), name=f"skinseg-{name}", daemon=True)
            for name, body in (("read", reader.run), ("infer", self._infer), ("draw", self._draw))
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the last frame to be drawn, *seconds* at most; say whether it is."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """Ask the reader to end; what it has read goes its way. A second call does nothing."""
        self._stop.set()

    def give_up_reading(self, error: Exception) -> None:
        """Go on without the reader, which does not come back, because of *error*."""
        self._keep(error)
        self._stop.set()
        self._frames.close()
        self._threads = self._threads[1:]

    def join(self, seconds: float) -> list[str]:
        """Wait *seconds* at most for each thread, and return the names of those that do not end."""
        for thread in self._threads:
            thread.join(seconds)
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _infer(self) -> None:
        count = 0
        try:
            while count != self._most and (frame := self._frames.take()) is not None:
                self._analysed.put_waiting(self._analyse(frame))
                count += 1
        finally:
            self._stop.set()
            self._frames.close(discarding=True)
            self._analysed.close()

    def _draw(self) -> None:
        try:
            while (analysed := self._analysed.take()) is not None:
                picture = self._finish(analysed)
                self.finished += 1
                if picture is not None:
                    self.shown.put_newest(picture)
        finally:
            self._stop.set()
            self._frames.close(discarding=True)
            self._analysed.close(discarding=True)
            self.shown.close()
            self._ended.set()

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001  # a thread has nobody above it; the main thread raises it
            self._keep(error)

    def _keep(self, error: BaseException) -> None:
        # The first one is the cause; what follows from it says less.
        if self.error is None:
            self.error = error
