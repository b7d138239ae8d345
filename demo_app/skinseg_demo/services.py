"""What the views work with: the store, the engine, the sender, each made once when the application is."""

from dataclasses import dataclass
from typing import Protocol

from flask import current_app

from skinseg_demo.config import DemoConfig
from skinseg_demo.demo_mode.service import DemoMode
from skinseg_demo.pictures.outlining import Outlining
from skinseg_demo.security.pairing import Pairing
from skinseg_demo.store import Store
from skinseg_demo.store.caretaker import Caretaker

__all__ = ["EXTENSION", "EngineService", "SenderService", "Services", "services"]

EXTENSION = "skinseg"  # where the application keeps them


class EngineService(Protocol):
    """What the pages know of the engine; `engine_worker.EngineWorker` is the real one."""

    @property
    def state(self) -> str:
        """One of "starting", "building", "ready", "failed"."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it failed, in one sentence."""
        ...

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        ...

    def start(self) -> None:
        """Start its thread, after the fork."""

    def stop(self) -> None:
        """Finish what waits and end the thread."""


class SenderService(Protocol):
    """What sends queued cases, and tries again."""

    def start(self) -> None:
        """Start its timer, after the fork."""

    def stop(self) -> None:
        """Send what is due once more and end the timer."""


@dataclass(frozen=True)
class Services:
    """What a view may use; `services()` returns it.

    *engine* is None where nothing outlines, as in most tests. *sender* sends what the outbox holds, *caretaker* removes
    what has had its time. *demo* is None where the cases are real.
    """

    config: DemoConfig
    store: Store
    pairing: Pairing
    engine: EngineService | None = None
    outlining: Outlining | None = None
    sender: SenderService | None = None
    caretaker: Caretaker | None = None
    demo: DemoMode | None = None

    def start(self) -> None:
        """Start the threads; in the process that serves, after the fork."""
        for service in (self.engine, self.outlining, self.sender, self.caretaker, self.demo):
            if service is not None:
                service.start()

    def stop(self) -> None:
        """Finish the queue, flush the outbox, close the store; the server accepts nothing any more."""
        for service in (self.demo, self.engine, self.outlining, self.sender, self.caretaker):
            if service is not None:
                service.stop()
        self.store.close()


def services() -> Services:
    """Return the services of the application that answers this request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
