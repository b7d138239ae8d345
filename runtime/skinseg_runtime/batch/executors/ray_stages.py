"""What Ray's workers do, from a unit to its rows, in three stages: `prepare`, `Answering`, `finish`.

Between them goes a table with a row for each few pictures that the network is asked for at once, so that Ray cuts its
blocks by their bytes, however large the pictures are. Here nothing is computed: that is `core`'s, as in every executor.
What fails is sent on as a value: what Ray itself reports as an error is then a worker's death and nothing else.
"""

from __future__ import annotations

import os
import pickle
import socket
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2

from skinseg_edge.errors import DeviceLost, SkinsegError
from skinseg_runtime.batch.core import Answer, Prepared, TakenOver, answered, finished, prepared
from skinseg_runtime.batch.opening import open_segmenter
from skinseg_runtime.batch.reading import read_items
from skinseg_runtime.batch.units import Finished, Unit

if TYPE_CHECKING:
    import pyarrow as pa

    from skinseg_edge.contract import ModelContract
    from skinseg_runtime.batch.work import Work
    from skinseg_runtime.segmenter import Segmenter

__all__ = ["Answering", "Body", "Stopped", "Waiting", "finish", "prepare", "rows_of", "table_of_units"]


@dataclass(frozen=True)
class Stopped:
    """Why a stage could not go on: an *error* of this project, which names the machine, or a *mistake*, a traceback."""

    error: SkinsegError | None
    mistake: str = ""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A picture with what the network answered."""

    picture: Prepared
    answer: Answer


Body: TypeAlias = Stopped | tuple[Prepared | Waiting | Finished | TakenOver, ...]
"""What a row holds: pictures on their way."""


def table_of_units(units: Sequence[Unit]) -> list[pa.Table]:
    """Return a table with one row for each unit: what the first stage is given."""
    import pyarrow as pa

    return [pa.table({"unit": pa.array([pickle.dumps(unit)], pa.large_binary())}) for unit in units]


def rows_of(table: pa.Table) -> Iterator[tuple[int, int, int, Body]]:
    """Yield of each row: the unit's number, which of its rows it is, how many rows the unit has, and the body."""
    columns = [table.column(name) for name in ("unit", "row", "rows", "body")]
    for unit, row, rows, body in zip(*columns, strict=True):
        yield unit.as_py(), row.as_py(), rows.as_py(), _unpickled(body.as_buffer())


def prepare(table: pa.Table, work: Work, contract: ModelContract) -> Iterator[pa.Table]:
    """Read and decode the pictures of a unit; each group that the network is asked for at once is a row.

    No more than a group is held here, and Ray takes blocks away while the unit goes on.
    """
    cv2.setNumThreads(1)  # there are as many workers as cores
    for pickled in table.column("unit"):
        unit: Unit = _unpickled(pickled.as_buffer())
        groups = -(-len(unit.items) // work.engine_batch)
        bodies = _prepared_groups(unit, work, contract)
        try:
            for row, body in enumerate(bodies):
                yield _table(unit.number, row, groups, body)
        except Exception as error:  # noqa: BLE001  # sent on as a value, see the top
            yield _table(unit.number, 0, groups, _stopped(error))


class Answering:
    """The second stage, in a process that holds the network open."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._segmenter: Segmenter | None = None

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        """Ask the network for the pictures of each row."""
        for unit, row, rows, body in rows_of(table):
            yield _table(unit, row, rows, body if isinstance(body, Stopped) else self._answered(body))

    def _answered(self, body: tuple[Prepared | Waiting | Finished | TakenOver, ...]) -> Body:
        try:
            # Opened here: an error in the constructor would make Ray start the process again and again.
            self._segmenter = self._segmenter or open_segmenter(self._work)
            pictures = [one for one in body if isinstance(one, Prepared)]
            answers = iter(answered(self._segmenter, pictures, self._work))
            return tuple(Waiting(one, next(answers)) if isinstance(one, Prepared) else one for one in body)
        except DeviceLost:
            # This process can no longer use its GPU; Ray starts another, which may.
            os._exit(1)
        except Exception as error:  # noqa: BLE001  # sent on as a value, see the top
            return _stopped(error)


def finish(table: pa.Table, work: Work, contract: ModelContract) -> Iterator[pa.Table]:
    """Make masks and measurements of what the network answered."""
    cv2.setNumThreads(1)
    for unit, row, rows, body in rows_of(table):
        yield _table(unit, row, rows, body if isinstance(body, Stopped) else _finished(body, work, contract))


def _finished(body: tuple[Prepared | Waiting | Finished | TakenOver, ...], work: Work, contract: ModelContract) -> Body:
    try:
        return tuple(
            finished(one.picture, one.answer, work, contract) if isinstance(one, Waiting) else one for one in body
        )
    except Exception as error:  # noqa: BLE001  # sent on as a value, see the top
        return _stopped(error)


def _prepared_groups(unit: Unit, work: Work, contract: ModelContract) -> Iterator[Body]:
    known = {item.name: sha256 for item, sha256 in zip(unit.items, unit.known, strict=True)}
    ready = (
        prepared(data, item.name, known[item.name], work, contract)
        for item, data in read_items(unit.items, max_bytes=work.max_bytes)
    )
    while group := tuple(islice(ready, work.engine_batch)):
        yield group


def _stopped(error: Exception) -> Stopped:
    if isinstance(error, SkinsegError):
        return Stopped(type(error)(f"{error} (on {socket.gethostname()})"))
    return Stopped(None, "".join(traceback.format_exception(error)))


def _table(unit: int, row: int, rows: int, body: Body) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "unit": pa.array([unit], pa.int64()),
            "row": pa.array([row], pa.int64()),
            "rows": pa.array([rows], pa.int64()),
            "body": pa.array([pickle.dumps(body)], pa.large_binary()),
        }
    )


def _unpickled(buffer: pa.Buffer) -> Any:
    return pickle.loads(buffer)  # noqa: S301  # written by another stage of this run, nothing foreign
