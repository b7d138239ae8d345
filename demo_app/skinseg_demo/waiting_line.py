"""Who may have a picture outlined now, who waits, and who is sent away because too many wait."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from skinseg_edge.errors import DeadlinePassed, DeviceBusy

__all__ = ["QueueFull", "WaitingLine"]

_LONGEST_WAIT_S = 45.0
_FIRST_GUESS_S = 1.0
_OF_LAST = 0.2  # how much the last picture counts in the mean time of one


class QueueFull(DeviceBusy):
    """As many wait as may. *retry_after_s*: when a place is likely to be free."""

    def __init__(self, waiting: int, retry_after_s: int) -> None:
        super().__init__(
            f"cannot outline the picture now: {waiting} others wait, which is the limit; send it again in "
            f"{retry_after_s} s"
        )
        self.retry_after_s = retry_after_s


class WaitingLine:
    """A line of at most *places*; at most *at_work* are served at a time, which bounds the memory of pictures."""

    def __init__(self, places: int, at_work: int = 2) -> None:
        self._places = places
        self._at_work = at_work
        self._held = 0
        self._mean_s = _FIRST_GUESS_S
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(at_work)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return max(0, self._held - self._at_work)

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits and nobody is served."""
        return self._held == 0

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait for a turn; give the milliseconds that it took.

        Raises QueueFull if the line is full, DeadlinePassed if no turn comes within 45 s.
        """
        self._enter()
        try:
            asked = time.perf_counter()
            if not self._turns.acquire(timeout=_LONGEST_WAIT_S):
                raise DeadlinePassed(
                    f"cannot outline the picture: its turn did not come within {_LONGEST_WAIT_S:g} s; send it again"
                )
            begun = time.perf_counter()
            try:
                yield (begun - asked) * 1000
            finally:
                self._turns.release()
                self._note(time.perf_counter() - begun)
        finally:
            self._leave()

    def _enter(self) -> None:
        with self._lock:
            if self._held >= self._places + self._at_work:
                wait_s = max(1, math.ceil(self._held * self._mean_s / self._at_work))
                raise QueueFull(self.waiting, wait_s)
            self._held += 1

    def _leave(self) -> None:
        with self._lock:
            self._held -= 1

    def _note(self, seconds: float) -> None:
        with self._lock:
            self._mean_s += _OF_LAST * (seconds - self._mean_s)
