"""Which demo runs on a state folder: one at a time, and a second terminal can find it."""

import fcntl
import json
import os
from pathlib import Path
from typing import TextIO

from skinseg_demo.config import DemoConfig, make_private_folder
from skinseg_edge.errors import DeviceBusy, FileMissing

__all__ = ["RunningDemo", "running_config"]

_FILE = "running.json"


class RunningDemo:
    """A lock on the state folder, held as long as the demo's processes live, and gone with them."""

    def __init__(self, config: DemoConfig) -> None:
        """Take the lock and write how the demo is reached.

        Raises DeviceBusy if another demo holds it.
        """
        make_private_folder(config.state)
        self._file = _opened(config.state / _FILE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise DeviceBusy(
                f"cannot start: another demo runs with the state in {config.state}; end it, or name another --state"
            ) from error
        self._file.truncate(0)
        self._file.write(json.dumps(_reached_by(config)))
        self._file.flush()

    def close(self) -> None:
        """Give the lock back."""
        self._file.close()


def running_config(state: Path) -> DemoConfig:
    """Return how the demo that runs on *state* is reached, for a code from a second terminal.

    Raises FileMissing if none runs.
    """
    path = state / _FILE
    if path.is_file() and _is_locked(path):
        document = json.loads(path.read_text(encoding="utf-8"))
        own = Path() if document["tls"] == "own" else None  # which files they are does not matter here
        document["names"] = tuple(document["names"])
        return DemoConfig(state=state, certificate=own, private_key=own, **document)
    raise FileMissing(f"cannot make a code: no demo runs with the state in {state}; start skinseg-demo first")


def _opened(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8")


def _is_locked(path: Path) -> bool:
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _reached_by(config: DemoConfig) -> dict[str, object]:
    return {
        "host": config.host,
        "port": config.port,
        "http_port": config.http_port,
        "tls": config.tls,
        "names": list(config.names),
        "is_demo": config.is_demo,
    }
