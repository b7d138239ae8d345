"""The runs that are timed, and those before them: a network's first runs are slower, and say nothing about the rest."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

__all__ = ["MOST_RUNS", "MOST_SECONDS", "WINDOW", "Once", "WarmUp", "drift_of", "is_settled", "timed", "warm_up"]

WINDOW = 5
MOST_RUNS = 60
MOST_SECONDS = 30.0

_STEADY = 0.05
_LEAST_RUNS_FOR_A_DRIFT = 15

Once: TypeAlias = Callable[[int], Mapping[str, float]]
"""Segments the photo of that number and returns the ms of each stage."""


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What came before the timed runs.

    *runs*: how many photos. *settled*: whether the time in the network had settled by then; None if *runs* was asked
    for, and nobody looked. *first_ms*: the whole of the very first photo, None if the first was timed.
    """

    runs: int
    settled: bool | None
    first_ms: float | None

    @classmethod
    def joined(cls, parts: Sequence["WarmUp"]) -> "WarmUp":
        """Put those of several processes together: the longest, settled if all were, the median first photo."""
        known = [part.settled for part in parts if part.settled is not None]
        first = [part.first_ms for part in parts if part.first_ms is not None]
        return cls(
            runs=max(part.runs for part in parts),
            settled=all(known) if known else None,
            first_ms=median(first) if first else None,
        )


def warm_up(once: Once, asked: int | None, *, clock: Callable[[], float] = time.monotonic) -> WarmUp:
    """Run photos until the time in the network settles, or as many as *asked*.

    It has settled when the median of WINDOW runs lies within 5 % of that of the WINDOW before them; after MOST_RUNS or
    MOST_SECONDS it has not. *clock*: seconds.
    """
    if asked is not None:
        rows = [once(number) for number in range(asked)]
        return WarmUp(runs=asked, settled=None, first_ms=_first(rows))
    started_s, rows = clock(), list[Mapping[str, float]]()
    settled = False
    while not settled and len(rows) < MOST_RUNS and (len(rows) < 2 or clock() - started_s < MOST_SECONDS):
        rows.append(once(len(rows)))
        settled = is_settled([row["inference"] for row in rows])
    return WarmUp(runs=len(rows), settled=settled, first_ms=_first(rows))


def is_settled(times_ms: Sequence[float]) -> bool:
    """Tell whether the last WINDOW times are, in the median, within 5 % of the WINDOW before them.

    >>> is_settled([90.0, 40.0, 30.0, 22.0, 21.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    False
    >>> is_settled([30.0, 22.0, 21.0, 20.5, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0])
    True
    """
    if len(times_ms) < 2 * WINDOW:
        return False
    return abs(_ratio(times_ms[-WINDOW:], times_ms[-2 * WINDOW : -WINDOW]) - 1) <= _STEADY


def timed(
    once: Once, *, first: int, runs: int, seconds: float, clock: Callable[[], float] = time.monotonic
) -> list[Mapping[str, float]]:
    """Run photos from number *first* on, at least *runs* of them and for at least *seconds*, and return their rows."""
    started_s, rows = clock(), list[Mapping[str, float]]()
    while len(rows) < runs or clock() - started_s < seconds:
        rows.append(once(first + len(rows)))
    return rows


def drift_of(times_ms: Sequence[float]) -> float | None:
    """Return how many times as long the last third took as the first, by medians; None for fewer than 15 runs."""
    if len(times_ms) < _LEAST_RUNS_FOR_A_DRIFT:
        return None
    third = len(times_ms) // 3
    return round(_ratio(times_ms[-third:], times_ms[:third]), 4)


def _ratio(later: Sequence[float], earlier: Sequence[float]) -> float:
    before = median(earlier)
    return median(later) / before if before > 0 else 1.0


def _first(rows: Sequence[Mapping[str, float]]) -> float | None:
    return round(rows[0]["whole"], 4) if rows else None
