"""The queue before a GPU: tickets that are served in the order they came, each with its deadline.

Time is the monotonic clock's, which no change of the wall clock moves.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from skinseg_edge.errors import DeadlinePassed, DeviceBusy, DeviceLost
from skinseg_runtime.gpu_losses import loss

__all__ = ["Queueing", "Ticket", "WorkQueue"]

R = TypeVar("R")

_LOOK_AGAIN_S = 60.0  # a queue that is closed by the garbage collector just before the wait wakes nobody
_LOOK_UP_S = 1.0  # Windows delivers Ctrl-C only between two waits


@dataclass(frozen=True, kw_only=True)
class Queueing:
    """How callers wait for a GPU.

    *waiting*: how many requests may wait while one is served, at least 1. *deadline_s*: seconds within which a request
    is answered, above 0; None waits for ever.

    Raises ValueError if a value breaks its rule.
    """

    waiting: int = 64
    deadline_s: float | None = 30.0

    def __post_init__(self) -> None:
        """Check both."""
        if self.waiting < 1:
            raise ValueError(f"waiting is {self.waiting}, expected at least 1")
        if self.deadline_s is not None and not self.deadline_s > 0:  # written so that NaN fails, too
            raise ValueError(f"deadline_s is {self.deadline_s}, expected seconds above 0 or None")


class Ticket(Generic[R]):
    """The answer to come of one piece of work; any thread may wait for it."""

    def __init__(self, work: Callable[[Any], R], queue: "WorkQueue", deadline_s: float | None = None) -> None:
        self._work: Callable[[Any], R] | None = work
        self._queue = queue
        self._deadline_s = deadline_s
        self._late_from = None if deadline_s is None else time.monotonic() + deadline_s
        self._settled = threading.Event()
        self._change = threading.RLock()  # reentrant: the garbage collector may fail tickets at any moment
        self._ran = False
        self._answer: R | None = None
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether `result` would answer or raise at once."""
        return self._settled.is_set() or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return self._late_from is not None and time.monotonic() >= self._late_from

    def result(self) -> R:
        """Wait for the answer and return it.

        Raises what the work raised, DeadlinePassed if there is no answer in time, DeviceLost if the GPU is lost.
        """
        while not self._settled.wait(self._patience_s()):
            self._queue.check_process()
            if self.is_late:
                self.give_up()
        error, answer = self._error, self._answer
        del self  # the traceback of the error holds this frame, and the frame would hold the error
        if error is None:
            return cast("R", answer)
        try:
            raise error
        finally:
            del error

    def give_up(self) -> None:
        """Say that nobody waits any more: work that has not begun never will, the answer of other work is dropped."""
        self.fail(self._lateness() if self.is_late else ValueError("nobody waits for this answer any more"))

    def work_on(self, session: object) -> BaseException | None:
        """Do the work on the worker's thread and return the error if there was one, which does not settle the ticket.

        Work that is late or given up is not done.
        """
        if self.is_late:
            self.give_up()
        with self._change:
            work, self._work = self._work, None
            self._ran = work is not None
        if work is None:
            return None
        try:
            answer = work(session)
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it; the worker lives on
            return error
        if self.is_late:
            self.give_up()
        self._settle(answer, None)
        return None

    def fail(self, error: BaseException) -> None:
        """Settle the ticket with an error, unless it is settled."""
        self._settle(None, error)

    def _settle(self, answer: R | None, error: BaseException | None) -> None:
        with self._change:
            if not self._settled.is_set():
                self._work, self._answer, self._error = None, answer, error
                self._settled.set()

    def _patience_s(self) -> float:
        if self._late_from is None:
            return _LOOK_UP_S
        return min(max(self._late_from - time.monotonic(), 0), _LOOK_UP_S)

    def _lateness(self) -> DeadlinePassed:
        where = "the GPU was still working on it" if self._ran else "others were before it"
        return DeadlinePassed(
            f"cannot answer in time: {self._queue.name} gave no answer within {self._deadline_s:g} s, {where}; "
            "allow a longer deadline or send fewer requests at once"
        )


class WorkQueue:
    """Tickets in the order they came. *name*: of what they wait for. *waiting*: how many may."""

    def __init__(self, name: str, waiting: int) -> None:
        self.name = name
        self._waiting = waiting
        self._process = os.getpid()
        self._tickets: deque[Ticket[Any]] = deque()
        self._change = threading.Condition()  # reentrant: a collected worker closes its queue wherever it is collected
        self._is_closed = False
        self._lost: str | None = None

    @property
    def is_of_this_process(self) -> bool:
        """Whether the thread that serves it can be here; a fork leaves it behind."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Raise DeviceLost if this process was forked off the one that serves the queue."""
        if not self.is_of_this_process:
            raise DeviceLost(
                f"cannot use {self.name}: it was opened in process {self._process}, and this is process {os.getpid()}, "
                "forked off later, which cannot use its GPU; open the Segmenter after the fork"
            )

    def put(self, ticket: Ticket[Any]) -> None:
        """Append a ticket.

        Raises DeviceBusy if as many wait as may, DeviceLost after `lose` or a fork, ValueError after `close`.
        """
        self.check_process()  # before the lock, which a fork may have left closed
        with self._change:
            if self._lost is not None:
                raise loss(self.name, self._lost)
            if self._is_closed:
                raise self._closed()
            if len(self._tickets) >= self._waiting:
                self._drop_those_done()
            if len(self._tickets) >= self._waiting:
                raise DeviceBusy(
                    f"cannot take another request: {len(self._tickets)} wait for {self.name}, as many as may; "
                    "send fewer at once or let more wait"
                )
            self._tickets.append(ticket)
            self._change.notify_all()

    def take(self) -> Ticket[Any] | None:
        """Wait for the next ticket and return it; None once the queue is closed."""
        with self._change:
            while not self._tickets and not self._is_closed:
                self._change.wait(_LOOK_AGAIN_S)
            return None if self._is_closed else self._tickets.popleft()

    def close(self) -> None:
        """Take no more tickets and fail those that wait; a second call does nothing."""
        if self.is_of_this_process:
            self._end(self._closed)

    def lose(self, words: str) -> None:
        """Fail those that wait, and all that will come, because the GPU is lost; *words*: what CUDA said."""
        with self._change:
            self._lost = words
        self._end(lambda: loss(self.name, words))

    def _end(self, error: Callable[[], Exception]) -> None:
        with self._change:
            self._is_closed = True
            waiting, self._tickets = self._tickets, deque()
            self._change.notify_all()
        for ticket in waiting:
            ticket.fail(error())  # one each: threads that raise the same one would mix their tracebacks

    def _drop_those_done(self) -> None:
        for ticket in self._tickets:
            if ticket.is_late:
                ticket.give_up()
        self._tickets = deque(ticket for ticket in self._tickets if not ticket.done)

    def _closed(self) -> ValueError:
        return ValueError(f"{self.name} is closed")
