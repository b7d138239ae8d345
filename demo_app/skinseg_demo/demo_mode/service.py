"""The thread of demo mode: adds sample cases once the network is ready, and lets the simulated dermatologist write."""

import logging
import threading

from skinseg_demo.demo_mode.dermatologist import answer_due
from skinseg_demo.demo_mode.sample_cases import add_sample_cases
from skinseg_demo.pictures.outlining import Outlining
from skinseg_demo.store import Store
from skinseg_demo.waiting_line import QueueFull
from skinseg_edge.errors import DeviceUnready, SkinsegError

__all__ = ["DemoMode"]

_LOOK_S = 1.0
_STOP_S = 10.0

_log = logging.getLogger(__name__)


class DemoMode:
    """What makes a box a demo. *outlining*: without it there are no sample cases, as there is no network."""

    def __init__(self, store: Store, outlining: Outlining | None) -> None:
        """Make it; `start` starts the thread."""
        self._store = store
        self._outlining = outlining
        self._has_samples = outlining is None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, after the fork."""
        self._thread = threading.Thread(target=self._run, name="demo-mode", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; what it was at is finished first."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def look(self) -> None:
        """Do what is due now; the thread calls this each second."""
        answer_due(self._store)
        if not self._has_samples and self._outlining is not None:
            self._has_samples = self._add_samples(self._outlining)

    def _add_samples(self, outlining: Outlining) -> bool:
        """Add the sample cases; answer whether that need not be tried again."""
        try:
            outlining.check_ready()
            add_sample_cases(self._store, outlining)
        except (QueueFull, DeviceUnready):  # the network is not there yet, or busy
            return bool(self._store.cases.list())
        return True

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            try:
                self.look()
            except SkinsegError as error:
                _log.warning("demo mode could not go on for now: %s", error)
