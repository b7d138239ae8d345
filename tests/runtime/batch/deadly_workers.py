"""Workers of the local executor that die, of some pictures or at once, or hang."""

import os
import signal
from multiprocessing.connection import Connection
from typing import Any

from skinseg_runtime.batch.executors.local_worker import Ready, serve
from skinseg_runtime.batch.work import Work

DEADLY = b"this picture ends the process that reads it"


def serve_until_deadly(work: Work, driver: Connection) -> None:
    """Be a worker that is killed, as for want of memory, by each picture that begins with DEADLY."""
    import skinseg_edge.image_io
    from skinseg_runtime.batch import core

    decode = skinseg_edge.image_io.decode

    def deadly(source: bytes, **options: Any) -> object:
        if source.startswith(DEADLY):
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(source, **options)

    core.__dict__["decode"] = deadly  # in a process of its own, which ends with it
    serve(work, driver)


def hang_when_ready(_work: Work, driver: Connection) -> None:
    """Be a worker whose drive hangs at the first picture."""
    driver.send(Ready())
    os.kill(os.getpid(), signal.SIGSTOP)


def die_at_once(_work: Work, _driver: Connection) -> None:
    """Be a worker that the system kills before it has opened anything."""
    os.kill(os.getpid(), signal.SIGKILL)
