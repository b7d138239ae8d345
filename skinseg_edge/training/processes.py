"""The processes that train one network together: all that is used of torch.distributed, in one room.

`torchrun` starts them and tells each its number in the environment. Tensors on the CPU travel by gloo, on CUDA by NCCL.
What one process does for all, and what may fail in one of them, ends the same way in every process, so nobody waits for
one that is gone. A process alone (`ALONE`) goes through the same calls, and nothing is sent.
"""

import os
import re
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

__all__ = ["ALONE", "Processes", "joined", "rank_told", "telling_the_lost"]

_Result = TypeVar("_Result")

# By these, torchrun (and whatever else starts processes for torch) tells where the others are.
_TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# A process that ends is noticed at once, by its closed connections; this is for one that hangs. It has to be longer
# than the longest wait of all: one process may read far more pictures, or from a slower disk, than another.
_PATIENCE = timedelta(minutes=30)
_CPU = torch.device("cpu")


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
            told: list[Any] = [outcome]
            dist.broadcast_object_list(told, src=0, device=_CPU)
        result, error = told[0]
        if error is not None:
            raise outcome[1] or error
        return result  # type: ignore[no-any-return]  # what travels between processes has no type

    def together(self, function: Callable[[], _Result]) -> _Result:
        """Call *function* in every process; where it fails in one, all raise the error of the first that failed."""
        if self.count == 1:
            return function()
        result, error = _outcome(function)
        with telling_the_lost(always=True):
            errors: list[Any] = [None] * self.count
            dist.all_gather_object(errors, error)
        failed = [rank for rank, each in enumerate(errors) if each is not None]
        if failed:
            raise error if failed[0] == self.rank and error is not None else errors[failed[0]]
        return result  # type: ignore[return-value]  # None only beside an error

    def sum(self, values: Tensor) -> Tensor:
        """Return *values* summed over all processes, in place."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def largest(self, values: Tensor) -> Tensor:
        """Return the largest of *values*, element by element, over all processes, in place."""
        return self._reduced(values, dist.ReduceOp.MAX)

    def bytes_of_first(self, data: bytes | None) -> bytes | None:
        """Return the *data* of the first process in all of them."""
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


@contextmanager
def joined() -> Iterator[Processes]:
    """Meet the processes that torchrun started with this one; without torchrun this one is alone.

    Raises ToolMissing if this build of torch cannot, ProcessLost if the others do not come.
    """
    if not _are_several():
        yield ALONE
        return
    if not dist.is_available():
        raise ToolMissing("cannot train in several processes: this build of torch has no torch.distributed; start one")
    with telling_the_lost(always=True):
        nccl = torch.cuda.is_available() and dist.is_nccl_available()
        dist.init_process_group("cpu:gloo,cuda:nccl" if nccl else "gloo", timeout=_PATIENCE, **_meeting_place())
    yield Processes(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    # Only after success: beside a process that is gone, NCCL would wait here. The end of the process closes the rest.
    dist.destroy_process_group()


def rank_told() -> int:
    """Return the number that torchrun gave this process, 0 without torchrun; known before the others are met."""
    return int(os.environ["RANK"]) if _are_several() else 0


def _are_several() -> bool:
    return all(name in os.environ for name in _TOLD) and os.environ["WORLD_SIZE"] != "1"


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
