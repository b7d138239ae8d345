"""What `ray_data` and its driver, a process of its own, say to each other: a pickle each, over two pipes.

Both ends are this program, so nothing foreign is unpickled.
"""

from __future__ import annotations

import pickle
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeAlias

from skinseg_runtime.batch.units import UnitDone

if TYPE_CHECKING:
    from pathlib import Path

    from skinseg_edge.errors import SkinsegError
    from skinseg_runtime.batch.units import Unit
    from skinseg_runtime.batch.work import Work

__all__ = ["Ended", "Failed", "Line", "Message", "More", "Pool", "Ready", "Run", "Start", "Units"]


@dataclass(frozen=True)
class Start:
    """Begin: join the cluster at *address*; None starts one for *processes* cores, its files in *folder*."""

    address: str | None
    processes: int
    folder: Path


@dataclass(frozen=True)
class Ready:
    """The cluster is there: *address*, by which others can join it."""

    address: str


@dataclass(frozen=True)
class Pool:
    """How the work is spread, see `RayExecutor`; None where the cluster shall tell."""

    engines: int | None
    gpus_per_engine: float | None
    window: int | None


@dataclass(frozen=True)
class Run:
    """Do units, which are asked for, in this way."""

    work: Work
    pool: Pool


@dataclass(frozen=True)
class More:
    """Asks for units with about so many *pictures*."""

    pictures: int


@dataclass(frozen=True)
class Units:
    """The units that were asked for; none when there are no more."""

    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Ended:
    """Every unit of the run is done."""


@dataclass(frozen=True)
class Failed:
    """The run ended: an *error* of this project, or a *mistake* of this program, as its traceback."""

    error: SkinsegError | None
    mistake: str = ""


Message: TypeAlias = Start | Ready | Run | More | Units | UnitDone | Ended | Failed


class Line:
    """One end: what comes in and goes out, a message at a time; several threads may send.

    Raises EOFError from `receive` and BrokenPipeError from `send` when the other end is gone.
    """

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Say something, and wait until it is on its way."""
        data = pickle.dumps(message)
        with self._lock:
            self._outgoing.write(len(data).to_bytes(8, "big") + data)
            self._outgoing.flush()

    def receive(self) -> Message:
        """Wait for what the other says."""
        size = int.from_bytes(self._read(8), "big")
        message: Message = pickle.loads(self._read(size))  # noqa: S301  # written by `send`, in a process of ours
        return message

    def _read(self, size: int) -> bytes:
        data = self._incoming.read(size)
        if len(data) < size:
            raise EOFError
        return data
