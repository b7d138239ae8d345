"""The thread that sends queued cases, one package at a time, and tries again with growing waits.

A case is queued until its receiver acknowledged it and the store wrote that down; nothing else changes its state. So a
box that is switched off in between sends the same package under the same key again, and the receiver knows it.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

from skinseg_demo.sending.endpoints import Endpoint, NotSent
from skinseg_demo.sending.packages import write_package
from skinseg_demo.store import Store
from skinseg_demo.store.outbox import LONGEST_WAIT, OutboxEntry, wait_after
from skinseg_edge.errors import FileMissing, SkinsegError

__all__ = ["Sender"]

_LOOK_S = 30.0  # how often the outbox is looked into when nobody calls: a clock may leap
_STOP_S = 20.0

_log = logging.getLogger(__name__)


class Sender:
    """Sends what the outbox of *store* holds to *endpoint*; without one, cases stay queued.

    *steady*: seconds that never leap.
    """

    def __init__(
        self, store: Store, endpoint: Endpoint | None, *, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """Make it; `start` starts the thread."""
        self._store = store
        self._endpoint = endpoint
        self._steady = steady
        self._package = store.folder / "outgoing.zip"
        self._called = threading.Event()
        self._is_ending = False
        self._ends_at = math.inf
        self._rests_until = 0.0
        self._thread: threading.Thread | None = None
        self.trouble: str | None = None
        """Why the receiver took nothing the last time, in one sentence; None when it did."""

    def start(self) -> None:
        """Start the thread, after the fork; every queued case wakes it from now on."""
        self._package.unlink(missing_ok=True)  # of a process that was killed
        if self._endpoint is None or self._thread is not None:
            return
        self._is_ending = False
        self._ends_at = math.inf
        self._store.outbox.on_queue.append(self.wake)
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send what is due once more, unless the receiver is down, and end the thread; waits 20 s at most.

        What is not acknowledged by then stays queued for the next start.
        """
        if self._thread is None:
            return
        self._store.outbox.on_queue.remove(self.wake)
        self._ends_at = self._steady() + _STOP_S
        self._is_ending = True
        self._called.set()
        self._thread.join(_STOP_S)
        self._thread = None

    def wake(self) -> None:
        """Try at once, whatever wait is on."""
        self._called.set()

    def send_due(self) -> int:
        """Try every case that is due, one after the other, and return how many were acknowledged.

        It ends early when the receiver takes nothing: the others would fare no better.
        """
        if self._called.is_set():  # looked at here and not in `wake`, or a try that fails meanwhile would undo it
            self._called.clear()
            self._rests_until = self._rests_until if self._is_ending else 0.0
        if self._endpoint is None or self._steady() < self._rests_until:
            return 0
        sent = 0
        for entry in self._store.outbox.due():
            if self._steady() > self._ends_at:
                break
            try:
                sent += self._send(self._endpoint, entry)
            except NotSent as error:
                if self._note(entry, error):
                    break
        return sent

    def _send(self, endpoint: Endpoint, entry: OutboxEntry) -> bool:
        """Pack and send one case; return whether it is sent now.

        Looked at right before: since it was found due others were sent, which takes minutes on a slow line, and its
        consent may have been withdrawn.

        Raises NotSent if the receiver did not take it.
        """
        try:
            package = write_package(self._store, entry.case_id, self._package)
            if not self._is_still_queued(entry.case_id):
                return False
            endpoint.send(package)
        except (SkinsegError, OSError) as error:
            if self._is_deleted(entry.case_id):  # since it was found due
                return False
            raise NotSent(f"the case could not be packed: {error}", is_for_all=False) from error
        finally:
            self._package.unlink(missing_ok=True)
        self.trouble = None
        return self._store.outbox.mark_sent(entry.case_id, package.sha256, revision=package.revision)

    def _is_still_queued(self, case_id: str) -> bool:
        return self._store.outbox.get(case_id).state == "queued"

    def _is_deleted(self, case_id: str) -> bool:
        try:
            self._store.cases.get(case_id)
        except FileMissing:
            return True
        return False

    def _note(self, entry: OutboxEntry, error: NotSent) -> bool:
        """Write down why a case was not taken; return whether the others need not be tried now."""
        _log.warning("a case was not sent: %s", error.message)
        self.trouble = error.message
        try:
            self._store.outbox.mark_failed(entry.case_id, error.message, wait=error.wait)
        except FileMissing:  # deleted meanwhile
            return error.is_for_all
        if error.is_for_all:
            wait = min(max(error.wait or wait_after(1), wait_after(entry.tries + 1)), LONGEST_WAIT)
            self._rests_until = self._steady() + wait.total_seconds()
        return error.is_for_all

    def _run(self) -> None:
        while True:
            is_last = self._is_ending  # before the round: what was queued until then is still tried
            try:
                self.send_due()
            except Exception:  # noqa: BLE001  # the thread goes on: a full disk may be freed
                _log.exception("looking into the outbox failed")
            if is_last:
                return
            if not self._is_ending:
                self._called.wait(_LOOK_S)
