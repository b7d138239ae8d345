"""Units through Ray Data, a window of them at a time: read and decode, ask the network, measure.

A window is one Ray data set, so that the driver holds a bounded number of units and Ray a bounded number of blocks. Ray
repeats what a dead worker had; a unit that it gives up is taken apart into its pictures. When a worker dies, Ray also
gives up what waited for it, so a picture is blamed only if it was alone: its row then says so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from skinseg_edge.errors import DeviceUnready
from skinseg_runtime.batch.executors.attempts import WORKER_DIED
from skinseg_runtime.batch.executors.ray_stages import (
    Answering,
    Body,
    Stopped,
    finish,
    prepare,
    rows_of,
    table_of_units,
)
from skinseg_runtime.batch.units import Finished, Unit, UnitDone

if TYPE_CHECKING:
    import ray.data

    from skinseg_edge.contract import ModelContract
    from skinseg_runtime.batch.work import Work

__all__ = ["Mistake", "Spread", "done_by_ray", "prepared_context"]

_log = logging.getLogger(__name__)

_BLOCK_BYTES = 8 * 1024 * 1024
# Engines reserve no core: who has work takes the time, as threads would. And when a machine is lost, its engines start
# again on those that are left, where they must not take the place of what reads for them.
_ENGINE_CORES, _READER_CORES = 0, 1
_IN_FLIGHT = 3  # units on their way to an engine, so that none waits for its next
_DEATHS_IN_A_ROW = 8


class Mistake(Exception):
    """A worker was stopped by a mistake of this program; the message is its traceback."""


@dataclass(frozen=True)
class Spread:
    """How a cluster is used. *engines*: processes with the network; *gpus*: of each. *memory*: bytes of one decoder."""

    engines: int
    gpus: float
    memory: int


def prepared_context() -> None:
    """Set what holds for every data set of this process."""
    import ray.data

    with warnings.catch_warnings():
        # Ray's own defaults set what Ray has deprecated. May go when `DataContext()` warns no more.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # a worker's death loses its block; what is missing is done again here
    context.target_max_block_size = _BLOCK_BYTES


def done_by_ray(
    windows: Iterable[Sequence[Unit]], work: Work, contract: ModelContract, spread: Spread
) -> Iterator[UnitDone]:
    """Yield what became of each unit, in any order.

    Raises what opening the bundle raises on a node, what the engine raises, DeviceUnready if workers die and no picture
    can be blamed, Mistake.
    """
    deaths = _Deaths()
    for window in windows:
        units = {unit.number: unit for unit in window}
        for done in _done(window, work, contract, spread, in_flight=_IN_FLIGHT, tries=2):
            del units[done.number]
            deaths.forget()
            yield done
        if units:
            _log.warning("%d units were lost with their workers; their pictures are done one by one", len(units))
            yield from _apart(list(units.values()), work, contract, spread, deaths)


class _Deaths:
    """Counts pictures that were blamed for a worker's death one after another: so many can hardly be to blame."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def forget(self) -> None:
        self._in_a_row = 0

    def blamed(self, name: str) -> Finished:
        """Return the row of a picture that killed each worker that tried it; raises where too many did."""
        self._in_a_row += 1
        if self._in_a_row >= _DEATHS_IN_A_ROW:
            raise DeviceUnready(
                f"cannot go on: the workers died at {self._in_a_row} pictures one after another, the last {name}, "
                "expected one now and then; look at the cluster's memory and at Ray's log of the nodes, then start "
                "the same command again, which goes on"
            )
        message = (
            f"cannot segment {name}: each process that tried died; try it alone with skinseg-run, and give the "
            "workers more memory"
        )
        return Finished(name, None, {"error_kind": WORKER_DIED, "error_message": message}, None)


def _apart(
    units: Sequence[Unit], work: Work, contract: ModelContract, spread: Spread, deaths: _Deaths
) -> Iterator[UnitDone]:
    """Do each picture of *units* for itself, and put the units together again."""
    places = [(unit, place) for unit in units for place in range(len(unit.items))]
    singles = [Unit(at, (unit.items[place],), (unit.known[place],)) for at, (unit, place) in enumerate(places)]
    found = {done.number: done for done in _done(singles, work, contract, spread, in_flight=1, tries=1)}
    for single in singles:
        if single.number in found:
            deaths.forget()
        else:
            found[single.number] = _alone(single, work, contract, spread, deaths)
    for unit in units:
        parts = [found[at] for at, (of, _) in enumerate(places) if of is unit]
        made = tuple(one for part in parts for one in part.made)
        yield UnitDone(unit.number, made, sum(part.taken_over for part in parts))


def _alone(single: Unit, work: Work, contract: ModelContract, spread: Spread, deaths: _Deaths) -> UnitDone:
    """Do one picture while nothing else is done, so that a worker's death can only be its own doing."""
    done = next(_done([single], work, contract, spread, in_flight=1, tries=2), None)
    if done is None:
        return UnitDone(single.number, (deaths.blamed(single.items[0].name),), 0)
    deaths.forget()
    return done


def _done(
    units: Sequence[Unit], work: Work, contract: ModelContract, spread: Spread, *, in_flight: int, tries: int
) -> Iterator[UnitDone]:
    """Yield the units whose rows all came back; those that Ray gave up after *tries* are missing."""
    parts: dict[int, dict[int, Body]] = {}
    dataset = _dataset(units, work, contract, spread, in_flight=in_flight, tries=tries)
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for number, row, rows, body in rows_of(table):
            of_unit = parts.setdefault(number, {})
            of_unit[row] = _unbroken(body)
            if len(of_unit) == rows:
                del parts[number]
                yield _together(number, [of_unit[at] for at in range(rows)])


def _unbroken(body: Body) -> Body:
    if not isinstance(body, Stopped):
        return body
    raise Mistake(body.mistake) if body.error is None else body.error


def _together(number: int, bodies: Sequence[Body]) -> UnitDone:
    every = [one for body in bodies if not isinstance(body, Stopped) for one in body]
    made = tuple(one for one in every if isinstance(one, Finished))
    return UnitDone(number, made, len(every) - len(made))


def _dataset(
    units: Sequence[Unit], work: Work, contract: ModelContract, spread: Spread, *, in_flight: int, tries: int
) -> ray.data.Dataset:
    import ray.data

    engines = min(spread.engines, len(units))
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=engines, initial_size=engines, max_tasks_in_flight_per_actor=in_flight
    )
    on_core: dict[str, Any] = {"num_cpus": _READER_CORES, "memory": spread.memory, "max_retries": tries - 1}
    steps = {"work": work, "contract": contract}
    # Ray's types know no function that takes keywords beside its table.
    first, last = cast("Any", prepare), cast("Any", finish)
    dataset: ray.data.Dataset = ray.data.from_arrow(table_of_units(units))
    dataset = dataset.map_batches(first, batch_size=1, batch_format="pyarrow", fn_kwargs=steps, **on_core)
    dataset = dataset.map_batches(
        Answering,
        batch_size=None,
        batch_format="pyarrow",
        fn_constructor_args=(work,),
        compute=pool,
        num_cpus=_ENGINE_CORES,
        num_gpus=spread.gpus or None,
        max_restarts=-1,
        max_task_retries=tries - 1,
        scheduling_strategy="SPREAD",
    )
    return dataset.map_batches(last, batch_size=None, batch_format="pyarrow", fn_kwargs=steps, **on_core)
