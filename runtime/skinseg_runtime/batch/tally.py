"""How far a run is, how fast it goes, and how long it will take; what was taken over counts for no speed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skinseg_runtime.batch.units import Finished, UnitDone

__all__ = ["Tally"]

_WINDOW_S = 60.0  # the speed that is told is that of so many seconds of computing


class Tally:
    """The counts of a run.

    *total*: pictures in the source, None where nobody knows. *known*: rows of earlier starts, most of which will be
    taken over. *clock*: seconds that never jump. `kept` counts pictures that could not be done this time and keep the
    rows of an earlier start, `first_kept` tells of the first of them.
    """

    def __init__(self, total: int | None, known: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.computed = 0
        self.taken_over = 0
        self.kept = 0
        self.first_kept: str | None = None
        self._known = known
        self._clock = clock
        self._last = self._begun = clock()
        self._steps: deque[tuple[float, int]] = deque()

    @property
    def pictures(self) -> int:
        """How many pictures are done."""
        return self.computed + self.taken_over

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock() - self._begun

    def add(self, done: UnitDone) -> None:
        """Count a unit. The time since the one before goes to the speed if anything was computed in this one."""
        now = self._clock()
        self.taken_over += done.taken_over
        self.computed += len(done.made)
        if done.made:
            self._steps.append((now - self._last, len(done.made)))
        self._last = now
        while len(self._steps) > 1 and sum(seconds for seconds, _ in self._steps) > _WINDOW_S:
            self._steps.popleft()

    def keep(self, left: Sequence[Finished]) -> None:
        """Count pictures that could not be done, and keep the rows of an earlier start; they are taken over as well."""
        self.kept += len(left)
        if left and self.first_kept is None:
            self.first_kept = f"{left[0].name}: {left[0].row['error_message']}"

    @property
    def pictures_per_s(self) -> float | None:
        """How fast pictures were computed lately; None before the first."""
        seconds = sum(step for step, _ in self._steps)
        return sum(pictures for _, pictures in self._steps) / seconds if seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long what is left to compute will take at this speed; None where that cannot be told."""
        speed = self.pictures_per_s
        if self.total is None or speed is None:
            return None
        still_known = max(0, self._known - self.taken_over)
        return max(0, self.total - self.pictures - still_known) / speed

    def text(self) -> str:
        """Say it in a few words, such as "12.4 pictures/s, 3 h 10 min left"."""
        speed, left = self.pictures_per_s, self.seconds_left
        if speed is None:
            return f"{self.taken_over:,} taken over" if self.taken_over else ""
        told = f"{speed:.1f} pictures/s"
        return told if left is None else f"{told}, {_duration(left)} left"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
