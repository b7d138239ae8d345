"""Which pictures are to blame when workers die: a unit is done again, then halved until one picture is left."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from skinseg_runtime.batch.units import Finished, Unit, UnitDone

__all__ = ["WORKER_DIED", "Attempt", "Attempts"]

WORKER_DIED = "WorkerDied"
"""The `error_kind` of a picture that ends every worker that takes it."""

_MOST_DEATHS = 2  # one may be chance: the system kills what is large when memory is short


@dataclass(frozen=True)
class Attempt:
    """A unit, or a part of one, on its way to a worker; *deaths*: of the workers that had it."""

    unit: Unit
    deaths: int = 0


@dataclass
class _Open:
    """What is known of a unit that is not done."""

    missing: int
    made: list[Finished] = field(default_factory=list)
    taken_over: int = 0


class Attempts:
    """The units of a run: the next one to do, and what became of those that were begun."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units: Iterator[Unit] = iter(units)
        self._again: deque[Attempt] = deque()
        self._open: dict[int, _Open] = {}

    def next(self) -> Attempt | None:
        """Return what a worker should do next, None if nothing waits."""
        if self._again:
            return self._again.popleft()
        unit = next(self._units, None)
        if unit is None:
            return None
        self._open[unit.number] = _Open(len(unit.items))
        return Attempt(unit)

    def done(self, attempt: Attempt, result: UnitDone) -> UnitDone | None:
        """Note what a worker made of an attempt; return the whole unit when nothing of it is missing."""
        number = attempt.unit.number
        state = self._open[number]
        state.missing -= len(attempt.unit.items)
        state.made += result.made
        state.taken_over += result.taken_over
        if state.missing:
            return None
        del self._open[number]
        return UnitDone(number, tuple(state.made), state.taken_over)

    def put_back(self, attempt: Attempt) -> None:
        """Have an attempt done that a worker held, and had not begun, when it died."""
        self._again.append(attempt)

    def died(self, attempt: Attempt, how: str) -> UnitDone | None:
        """Note that a worker died of an attempt, *how* in words such as "was killed by SIGSEGV".

        It is done again, halved, or, where one picture is left, its row says so; then as `done`.
        """
        deaths, unit = attempt.deaths + 1, attempt.unit
        if deaths < _MOST_DEATHS:
            self._again.append(Attempt(unit, deaths))
        elif len(unit.items) > 1:
            self._again += (Attempt(half, deaths - 1) for half in _halves(unit))
        else:
            return self.done(attempt, UnitDone(unit.number, (_blamed(unit, how),), 0))
        return None


def _halves(unit: Unit) -> tuple[Unit, Unit]:
    middle = len(unit.items) // 2
    return (
        Unit(unit.number, unit.items[:middle], unit.known[:middle]),
        Unit(unit.number, unit.items[middle:], unit.known[middle:]),
    )


def _blamed(unit: Unit, how: str) -> Finished:
    name = unit.items[0].name
    message = (
        f"cannot segment {name}: each process that tried {how}; try it alone with skinseg-run, and give the "
        "workers more memory or start fewer with --jobs"
    )
    return Finished(name, None, {"error_kind": WORKER_DIED, "error_message": message}, None)
