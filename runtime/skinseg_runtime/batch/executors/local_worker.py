"""A worker's process: it opens the network once, does one unit after the other, and ends when its driver does."""

from __future__ import annotations

import os
import queue
import signal
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from skinseg_edge.errors import SkinsegError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from skinseg_runtime.batch.units import Unit, UnitDone
    from skinseg_runtime.batch.work import Work

    Message: TypeAlias = "Ready | UnitDone | Failed"

__all__ = ["Failed", "Ready", "serve"]


@dataclass(frozen=True)
class Ready:
    """The network is open."""


@dataclass(frozen=True)
class Failed:
    """What ended the worker, and would end every other."""

    error: Exception


def serve(work: Work, driver: Connection) -> None:
    """Do the units that *driver* sends until it sends None; each is answered, a failure ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the driver, which ends its workers
    waiting: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
    # Read in a thread of its own: the driver never waits for a worker that is busy, and its death ends this process.
    Thread(target=_receive, args=(driver, waiting), daemon=True).start()
    try:
        _serve(work, driver, waiting)
    except BrokenPipeError:  # the driver has gone
        os._exit(1)
    except SkinsegError as error:
        driver.send(Failed(error))
    except Exception as error:  # noqa: BLE001  # whatever it is, the driver tells it; it may not be picklable
        driver.send(Failed(RuntimeError(f"a worker was stopped by {error!r}")))


def _serve(work: Work, driver: Connection, waiting: queue.SimpleQueue[Unit | None]) -> None:
    # Imported here: the driver, which names `serve`, needs no engine.
    import cv2

    from skinseg_runtime.batch.core import unit_done
    from skinseg_runtime.batch.opening import open_segmenter

    cv2.setNumThreads(1)  # there are as many workers as cores
    with open_segmenter(work) as segmenter:
        driver.send(Ready())
        for unit in iter(waiting.get, None):
            driver.send(unit_done(segmenter, unit, work))


def _receive(driver: Connection, waiting: queue.SimpleQueue[Unit | None]) -> None:
    try:
        while True:
            unit = driver.recv()
            waiting.put(unit)
            if unit is None:
                return
    except (EOFError, OSError):
        os._exit(1)  # without a driver nobody takes what is made
