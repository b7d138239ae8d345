"""An archive's units in processes of this machine: one thread and one engine each, and any of them may die."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from skinseg_edge.errors import DeviceUnready
from skinseg_runtime.batch.executors.attempts import Attempt, Attempts
from skinseg_runtime.batch.executors.local_worker import Failed, Ready, serve
from skinseg_runtime.batch.units import UnitDone
from skinseg_runtime.usable_cores import usable_cores

if TYPE_CHECKING:
    from skinseg_runtime.batch.executors.local_worker import Message
    from skinseg_runtime.batch.units import Unit
    from skinseg_runtime.batch.work import Work

__all__ = ["LocalExecutor"]

_AHEAD = 2  # units of a worker: one that it does, and one that waits so that it never does
_MOST_DEAD_STARTS = 3  # in a row: what ends a worker before its first picture ends the next one, too
_LOOK_UP_S = 1.0  # Windows delivers Ctrl-C only between two waits
_PATIENCE_S = 10.0  # for a process to end that has nothing more to do
_LONGEST_SILENCE_S = 30 * 60.0  # of a worker with a unit: a store that is slow takes long, one that hangs for ever

# Started anew, not forked: a fork would copy the threads' locks of ONNX Runtime and OpenCV in whatever state they are.
_PROCESSES = multiprocessing.get_context("spawn")


class LocalExecutor:
    """Does units in *processes* of this machine; None takes as many as there are usable cores.

    *serve*: what each process runs, see `local_worker.serve`. *longest_silence_s*: a worker that has opened the network
    and does not answer for so long, be it that a drive hangs, is killed, and its unit done as after any death.
    """

    def __init__(
        self,
        processes: int | None = None,
        *,
        serve: Callable[[Work, Connection], None] = serve,
        longest_silence_s: float = _LONGEST_SILENCE_S,
    ) -> None:
        self.processes = processes or usable_cores()
        self._serve = serve
        self._longest_silence_s = longest_silence_s

    def run(self, units: Iterable[Unit], work: Work) -> Generator[UnitDone, None, None]:
        """See `Executor.run`.

        Raises DeviceUnready if processes die before they have opened the network, and what a worker raises.
        """
        crew = _Crew(Attempts(units), work, self.processes, self._serve, self._longest_silence_s)
        try:
            yield from crew.work_off()
            crew.dismiss()
        finally:
            crew.end()


@dataclass(eq=False)
class _Worker:
    """A process, this end of its pipe, and what it was given, the unit that it does first.

    *silent_s*: for how long it was waited for since it was given a unit or answered.
    """

    process: BaseProcess
    connection: Connection
    attempts: deque[Attempt] = field(default_factory=deque)
    is_ready: bool = False
    silent_s: float = 0.0


class _Crew:
    """The workers of a run; their number falls when one dies and rises again when there is work."""

    def __init__(
        self,
        attempts: Attempts,
        work: Work,
        most: int,
        serve: Callable[[Work, Connection], None],
        longest_silence_s: float,
    ) -> None:
        self._attempts = attempts
        self._work = work
        self._most = most
        self._serve = serve
        self._longest_silence_s = longest_silence_s
        self._workers: list[_Worker] = []
        self._dead_starts = 0

    def work_off(self) -> Iterator[UnitDone]:
        while True:
            self._hand_out()
            if not any(worker.attempts for worker in self._workers):
                return
            begun = time.monotonic()
            heard = wait([worker.connection for worker in self._workers], _LOOK_UP_S)
            self._end_silent(time.monotonic() - begun)
            for connection in heard:
                worker = next(one for one in self._workers if one.connection is connection)
                done = self._heard(worker)
                if done is not None:
                    yield done

    def dismiss(self) -> None:
        """Tell the workers that nothing more comes, and wait until they have closed their engines."""
        for worker in self._workers:
            with suppress(OSError):  # it died after its last unit: nothing is lost
                worker.connection.send(None)
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)

    def end(self) -> None:
        """End what still runs."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
            worker.connection.close()
        self._workers.clear()

    def _end_silent(self, waited_s: float) -> None:
        """Kill workers that hang; that they died is heard as of any. *waited_s*: since the last call, while waiting."""
        for worker in self._workers:
            # Where this process was stopped for an hour (Ctrl-Z), so were its workers.
            worker.silent_s += min(waited_s, 2 * _LOOK_UP_S) if worker.attempts else 0.0
            if self._hangs(worker):
                worker.process.kill()

    def _hangs(self, worker: _Worker) -> bool:
        return worker.silent_s > (self._longest_silence_s if worker.is_ready else _LONGEST_SILENCE_S)

    def _hand_out(self) -> None:
        """Give every worker a unit before any has a second one; a process is started when there is a unit for it."""
        for ahead in range(_AHEAD):
            for place in range(self._most):
                is_there = place < len(self._workers)
                if is_there and len(self._workers[place].attempts) > ahead:
                    continue
                attempt = self._attempts.next()
                if attempt is None:
                    return
                worker = self._workers[place] if is_there else self._started()
                worker.attempts.append(attempt)
                with suppress(OSError):  # it has died; what it had is given to others when that is heard
                    worker.connection.send(attempt.unit)

    def _started(self) -> _Worker:
        ours, theirs = _PROCESSES.Pipe()
        process = _PROCESSES.Process(target=self._serve, args=(self._work, theirs), name="skinseg-batch", daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()  # else its death would not be heard
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _heard(self, worker: _Worker) -> UnitDone | None:
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError):
            return self._lost(worker)
        worker.silent_s = 0.0
        if isinstance(message, Failed):
            raise message.error
        if isinstance(message, Ready):
            worker.is_ready, self._dead_starts = True, 0
            return None
        return self._attempts.done(worker.attempts.popleft(), message)

    def _lost(self, worker: _Worker) -> UnitDone | None:
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join(_PATIENCE_S)
        ended = _how_it_ended(worker.process)
        how = f"gave no answer for {worker.silent_s:.0f} s" if self._hangs(worker) else ended
        begun = worker.attempts.popleft() if worker.is_ready and worker.attempts else None
        for attempt in worker.attempts:
            self._attempts.put_back(attempt)
        if not worker.is_ready:
            self._dead_starts += 1
            if self._dead_starts >= _MOST_DEAD_STARTS:
                raise DeviceUnready(
                    f"cannot start the workers: {self._dead_starts} in a row died while they opened the network, the "
                    f"last {how}; free some memory, or start fewer with --jobs"
                )
        return None if begun is None else self._attempts.died(begun, how)


def _how_it_ended(process: BaseProcess) -> str:
    """Say how a process ended, in words: "was killed by SIGSEGV" or "ended with 3"."""
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
        return "closed its pipe"
    with suppress(ValueError):
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with {code}"


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a process that Ctrl-C at the terminal does not reach: this one ends it, and it prints no traceback."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows: the worker ignores it as soon as it runs
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
