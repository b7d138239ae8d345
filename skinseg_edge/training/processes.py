"""The processes that train one network together: all that is used of torch.distributed, in one room.

`torchrun` starts them and tells each its number in the environment. Tensors on the CPU travel by gloo, on CUDA by NCCL.
What one process does for all, and what may fail in one of them, ends the same way in every process, so nobody waits for
one that is gone. A process alone (`ALONE`) goes through the same calls, and nothing is sent.
"""

import os
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from skinseg_edge.errors import InputError, ProcessLost, ToolMissing
from skinseg_edge.training.devices import pick_device

__all__ = ["ALONE", "Processes", "is_shared", "joined", "rank_told", "telling_the_lost"]

_Result = TypeVar("_Result")

# By these, torchrun (and whatever else starts processes for torch) tells where the others are.
_TOLD = _RANK, _WORLD, _ADDRESS, _PORT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# A process that ends is noticed at once, by its closed connections; this is for one that hangs. It has to be longer
# than the longest wait of all: one process may read far more pictures, or from a slower disk, than another.
_PATIENCE = timedelta(minutes=30)
_CPU = torch.device("cpu")
_SOON_S = 10.0  # others that were started together are there by then
_SHARED = "was raised in every process"


@dataclass(frozen=True)
class Processes:
    """*rank*: which of *count* this process is; 0 writes and speaks. *local_rank*: which of those on this machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Return the torch device of this process: for several, each its own GPU, or the CPU.

        Raises InputError if all were to share one GPU or to use a kind that has no way to sum over processes,
        ToolMissing if this machine has fewer GPUs than processes.
        """
        if self.count == 1:
            return pick_device(name)
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        if name not in ("cpu", "cuda"):
            raise InputError(
                f"cannot train on {name!r} in {self.count} processes: each takes a GPU of its own; "
                "use --device auto, cuda or cpu"
            )
        if pick_device(name) == "cpu":
            return "cpu"
        if self.local_rank >= torch.cuda.device_count():
            raise ToolMissing(
                f"cannot train process {self.local_rank + 1} of this machine: it has {torch.cuda.device_count()} GPUs; "
                "start as many with torchrun's --nproc-per-node"
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def first(self, function: Callable[[], _Result]) -> _Result:
        """Let the first process call *function*; its result, or its error, is that of all."""
        if self.count == 1:
            return function()
        outcome = _outcome(function) if self.is_first else (None, None)
        with telling_the_lost(always=True):
            told: list[Any] = [(outcome[0], _sendable(outcome[1]))]
            dist.broadcast_object_list(told, src=0, device=_CPU)
        result, error = told[0]
        if error is not None:
            raise _shared(outcome[1] or error)
        return result  # type: ignore[no-any-return]  # what travels between processes has no type

    def together(self, function: Callable[[], _Result]) -> _Result:
        """Call *function* in every process; where it fails in one, all raise the error of the first that failed."""
        if self.count == 1:
            return function()
        result, error = _outcome(function)
        with telling_the_lost(always=True):
            errors: list[Any] = [None] * self.count
            dist.all_gather_object(errors, _sendable(error))
        failed = [rank for rank, each in enumerate(errors) if each is not None]
        if failed:
            raise _shared(error if failed[0] == self.rank and error is not None else errors[failed[0]])
        return result  # type: ignore[return-value]  # None only beside an error

    def sum(self, values: Tensor) -> Tensor:
        """Return *values* summed over all processes, in place."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def largest(self, values: Tensor) -> Tensor:
        """Return the largest of *values*, element by element, over all processes, in place."""
        return self._reduced(values, dist.ReduceOp.MAX)

    def bytes_of_first(self, read: Callable[[], bytes | None]) -> bytes | None:
        """Let the first process *read* bytes, and return them in all; its error is that of all."""
        data = self.together(lambda: read() if self.is_first else None)
        length = self.first(lambda: None if data is None else len(data))
        if self.count == 1 or not length:
            return data if self.is_first else None if length is None else b""
        sent = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(length, dtype=torch.uint8)
        with telling_the_lost(always=True):
            dist.broadcast(sent, src=0)
        return sent.numpy().tobytes()

    def _reduced(self, values: Tensor, how: Any) -> Tensor:
        if self.count > 1:
            with telling_the_lost(always=True):
                dist.all_reduce(values, how)
        return values


ALONE = Processes()


def is_shared(error: BaseException) -> bool:
    """Tell whether every process raises this error, so that one may speak for all."""
    return _SHARED in vars(error)


@contextmanager
def joined(*, when_waiting: Callable[[str], None] = lambda _: None) -> Iterator[Processes]:
    """Meet the processes that torchrun started with this one; without torchrun this one is alone.

    *when_waiting*: called with a sentence if the others are not there soon.

    Raises InputError if the environment contradicts itself, ToolMissing if this build of torch cannot, ProcessLost if
    the others do not come.
    """
    told = _told()
    if told is None:
        yield ALONE
        return
    if not dist.is_available():
        raise ToolMissing("cannot train in several processes: this build of torch has no torch.distributed; start one")
    with telling_the_lost(always=True):
        nccl = torch.cuda.is_available() and dist.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
        waited_for = (
            f"waiting for the other processes: {_WORLD} says {told[1]}, and not all have come to "
            f"{os.environ[_ADDRESS]}:{os.environ[_PORT]}"
        )
        _apart(
            lambda: dist.init_process_group(backend, timeout=_PATIENCE, **_meeting_place()),
            lambda: when_waiting(waited_for),
        )
    yield Processes(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    # Only after success: beside a process that is gone, NCCL would wait here. The end of the process closes the rest.
    dist.destroy_process_group()


def rank_told() -> int:
    """Return the number that torchrun gave this process, 0 without torchrun; known before the others are met.

    Raises InputError if the environment contradicts itself.
    """
    return (_told() or (0, 1))[0]


def _told() -> tuple[int, int] | None:
    """Return rank and count as the environment tells them, None for a process alone; Raises InputError."""
    if os.environ.get(_WORLD, "") in ("", "1"):
        return None
    # Alone, each of several would train everything, in the same run folder.
    found = {name: os.environ.get(name, "") for name in _TOLD}
    rank, count, port = (
        int(found[name]) if re.fullmatch("[0-9]{1,6}", found[name]) else -1 for name in (_RANK, _WORLD, _PORT)
    )
    if not (found[_ADDRESS] and 0 <= rank < count and 0 < port < 1 << 16):
        said = ", ".join(f"{name}={value!r}" if value else f"no {name}" for name, value in found.items())
        raise InputError(
            f"cannot train in several processes: the environment has {said}, expected all that torchrun sets; start "
            f"them by torchrun, or unset {_WORLD} to train in one"
        )
    return rank, count


def _apart(function: Callable[[], object], when_waiting: Callable[[], None]) -> None:
    """Call *function* in a thread of its own: torch waits deaf to Ctrl-C, and this thread should hear it."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001  # it is raised where somebody waits for it
            failed.append(error)

    thread = threading.Thread(target=run, name="meeting", daemon=True)
    thread.start()
    thread.join(_SOON_S)
    if thread.is_alive():
        when_waiting()
    while thread.is_alive():
        thread.join(0.2)
    if failed:
        raise failed[0]


def _meeting_place() -> dict[str, Any]:
    """Return where the processes find each other, apart from where those did that torchrun started before them.

    Without that, they would call the addresses of the dead (pytorch issue 135712). Torchrun counts starts for each
    machine by itself, so on several machines this cannot be done here; the page on training tells what to set there.
    May go when torchrun gives each attempt a store of its own.
    """
    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    from torch.distributed.rendezvous import rendezvous

    store, rank, count = next(rendezvous("env://", timeout=_PATIENCE))
    attempt = f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    # torch.distributed does not list the class, and its documentation does.
    return {"store": dist.PrefixStore(attempt, store), "rank": rank, "world_size": count}  # type: ignore[attr-defined]


@contextmanager
def telling_the_lost(*, always: bool = False) -> Iterator[None]:
    """Turn the errors that torch raises where another process is gone into ProcessLost.

    *always*: nothing else can go wrong in the block. Otherwise an error is known by torch's word for it, or gloo's.
    """
    try:
        yield
    except RuntimeError as error:
        if always or isinstance(error, dist.DistError) or "gloo" in str(error):
            raise ProcessLost(
                f"cannot go on training: another process ended or did not answer ({_cause(error)}); see its "
                "message, and start again in the same run folder to resume after the last whole epoch"
            ) from error
        raise


def _cause(error: RuntimeError) -> str:
    """Return torch's words without the place in its source and its advice."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"\[\S+\.(cc|cpp|h):\d+\] ", "", line).split(". ")[0][:120]


def _outcome(function: Callable[[], _Result]) -> tuple[_Result | None, Exception | None]:
    try:
        return function(), None
    except Exception as error:  # noqa: BLE001  # whatever it is, the other processes have to hear of it
        return None, error


def _shared(error: Exception) -> Exception:
    vars(error)[_SHARED] = True
    return error


def _sendable(error: Exception | None) -> Exception | None:
    """Return an error as another process can read it: itself, or its words where its class does not travel."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  # just made here
    except Exception:  # noqa: BLE001  # whatever a class of somebody else's raises
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
