"""The thread that sweeps the store every hour, unless the clock has just leapt.

A board without a battery wakes up in 1970 and leaps when it finds the network; a sweep right then would take all that
was written before for old. So the first sweep comes minutes after the start, and only if the clock went as far as the
time did.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from skinseg_demo.store.clock import Clock
from skinseg_demo.store.retention import Swept

__all__ = ["Caretaker"]

_FIRST_S = 600.0
_EVERY_S = 3600.0
_LEAP_S = 300.0

_log = logging.getLogger(__name__)


class Caretaker:
    """Calls *sweep* in a thread of its own.

    *now*: the clock that ages are taken from. *steady*: seconds that never leap.
    """

    def __init__(self, sweep: Callable[[], Swept], *, now: Clock, steady: Callable[[], float] = time.monotonic) -> None:
        """Make it; `start` starts the thread."""
        self._sweep = sweep
        self._now = now
        self._steady = steady
        self._seen = (now(), steady())
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, after the fork."""
        self._seen = (self._now(), self._steady())
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name="caretaker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a sweep that has begun is finished."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def look_after(self) -> Swept | None:
        """Sweep once; None if the clock has leapt since the last look, or sweeping failed, which the log tells."""
        before, now = self._seen, (self._now(), self._steady())
        self._seen = now
        leap = (now[0] - before[0]) - timedelta(seconds=now[1] - before[1])
        if abs(leap) > timedelta(seconds=_LEAP_S):
            _log.warning("the clock has leapt by %s: nothing is removed this time", leap)
            return None
        try:
            return self._sweep()
        except Exception:  # noqa: BLE001  # the thread goes on: a full disk may be freed
            _log.exception("sweeping the store failed")
            return None

    def _run(self) -> None:
        wait = _FIRST_S
        while not self._ended.wait(wait):
            self.look_after()
            wait = _EVERY_S
