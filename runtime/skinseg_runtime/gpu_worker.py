"""One thread owns a GPU; any number of threads queue for it, first come, first served, with a bound and a deadline.

A CUDA context belongs to one thread, so everything that touches it goes through `GpuWorker`. After an error that CUDA
calls sticky no call of the process succeeds any more: the worker is then lost, and everybody is told how to go on.
"""

import atexit
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from skinseg_runtime.gpu_losses import GpuUse, is_sticky, translated
from skinseg_runtime.gpu_queue import Queueing, Ticket, WorkQueue

__all__ = ["GpuWorker", "Queueing", "Ticket"]

_log = logging.getLogger(__name__)

S = TypeVar("S")
R = TypeVar("R")

_AT_EXIT_S = 2.0  # a kernel that hangs must not keep the interpreter

_USE = GpuUse()
_OPEN: "weakref.WeakSet[GpuWorker[Any]]" = weakref.WeakSet()


class GpuWorker(Generic[S]):
    """A thread with what it owns, a session of type S.

    *start*: makes the session, on the thread. *stop*: gives it back, on the thread. *name*: what errors call it, as in
    "the TensorRT engine model.engine". *waiting*: how many pieces of work may wait.

    Raises what *start* raises; DeviceUnready or, after a sticky error, DeviceLost in place of CUDA's own errors.
    """

    def __init__(self, start: Callable[[], S], stop: Callable[[S], None], *, name: str, waiting: int = 64) -> None:
        self.name = name
        self._queue = WorkQueue(name, waiting)
        opened: Ticket[None] = Ticket(_nothing, self._queue)
        # A daemon, so that a kernel that hangs cannot keep the interpreter from ending; it knows the queue and not
        # this object, so that a worker that nobody holds any more comes to its end, too.
        self._thread = threading.Thread(
            target=_serve, args=(self._queue, [start], stop, opened), name="skinseg-gpu", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._queue.close).atexit = False
        try:
            opened.result()
        except BaseException:
            self._queue.close()
            raise
        _OPEN.add(self)

    def submit(self, work: Callable[[S], R], *, deadline_s: float | None = None) -> "Ticket[R]":
        """Queue *work*, which is given the session on the worker's thread; its answer comes by the ticket.

        *deadline_s*: seconds from now within which the answer must be there; None waits for ever. Work whose deadline
        passes while it waits is never run; the answer of work whose deadline passes while it runs is dropped.

        Raises DeviceBusy if as many wait already as may, DeviceLost if the GPU is lost or this process was forked off
        after the worker was made, ValueError if the worker is closed.
        """
        ticket: Ticket[R] = Ticket(work, self._queue, deadline_s)
        self._queue.put(ticket)
        return ticket

    def call(self, work: Callable[[S], R], *, deadline_s: float | None = None) -> R:
        """Do *work* on the worker's thread and return its answer; work that waits when Ctrl-C comes is never run.

        Raises what `submit` and `Ticket.result` raise.
        """
        ticket = self.submit(work, deadline_s=deadline_s)
        try:
            return ticket.result()
        except BaseException:
            ticket.give_up()
            raise

    def close(self, timeout: float = 10.0) -> None:
        """Let the work that runs end, refuse what waits, and give the session back; a second call does nothing.

        *timeout*: seconds to wait for that; a worker that takes longer is left to the end of the process.
        """
        _OPEN.discard(self)
        self._queue.close()
        if self._queue.is_of_this_process and threading.current_thread() is not self._thread:
            self._thread.join(timeout)
            if self._thread.is_alive():
                _log.warning("%s still works after %g s; it is left to the end of the process", self.name, timeout)


def _nothing(_session: object) -> None: ...


def _serve(queue: WorkQueue, starts: list[Callable[[], S]], stop: Callable[[S], None], opened: "Ticket[None]") -> None:
    try:
        # Popped, for the start of an engine holds all of its bytes, and a thread holds its arguments.
        session = starts.pop()()
    except BaseException as error:  # noqa: BLE001  # the thread that opens the worker raises it
        if is_sticky(error):
            _USE.lose(error)
        opened.fail(_USE.translated_start(error, queue.name))
        return
    _USE.begin()
    opened.work_on(session)
    try:
        _serve_all(queue, session, stop)
    finally:
        queue.close()  # whatever ends this thread, nobody waits for it for ever


def _serve_all(queue: WorkQueue, session: S, stop: Callable[[S], None]) -> None:
    while (ticket := queue.take()) is not None:
        is_lost = _serve_one(ticket, session, queue)
        if is_lost:
            return
        del ticket  # while the thread waits it shall hold nobody's pictures
    _stop(queue, session, stop)


def _serve_one(ticket: "Ticket[Any]", session: object, queue: WorkQueue) -> bool:
    """Do the work of a ticket and return whether the GPU is lost with it."""
    error = ticket.work_on(session)
    if error is None:
        return False
    if is_sticky(error):
        _USE.lose(error, session)
        queue.lose(str(error))
    ticket.fail(translated(error, queue.name))
    return is_sticky(error)


def _stop(queue: WorkQueue, session: S, stop: Callable[[S], None]) -> None:
    try:
        stop(session)
    except Exception as error:  # noqa: BLE001  # whoever opened it has left; the log is all there is
        _log.warning("%s could not be closed in order: %s", queue.name, error)


@atexit.register
def _close_all() -> None:
    for worker in list(_OPEN):
        worker.close(_AT_EXIT_S)
