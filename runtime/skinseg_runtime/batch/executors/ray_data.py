"""Units on a Ray cluster, or on the Ray that is started on this machine: `RayExecutor`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from skinseg_edge.errors import DeviceUnready
from skinseg_runtime.batch.executors.ray_cluster import take_away
from skinseg_runtime.batch.executors.ray_talk import (
    Ended,
    Failed,
    Line,
    Message,
    More,
    Pool,
    Ready,
    Run,
    Start,
    Units,
)
from skinseg_runtime.batch.units import UnitDone
from skinseg_runtime.usable_cores import usable_cores

if TYPE_CHECKING:
    from skinseg_runtime.batch.units import Unit
    from skinseg_runtime.batch.work import Work

__all__ = ["RayExecutor"]

_DRIVER = "skinseg_runtime.batch.executors.ray_driver"
_PACKAGES = Path(__file__).resolve().parents[3]
_PATIENCE_S = 30.0  # for Ray to end what it started
_LONGEST_SILENCE_S = 1800.0  # a unit takes seconds, a machine that a cluster must start first some minutes
_LONGEST_FOLDER = 40  # bytes: the paths of Ray's sockets below it must stay within 107
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # else workers get only what everybody else leaves
}


class RayExecutor:
    """Does units by Ray Data; an `Executor`. In a `with` block its Ray serves every run, else each run has its own.

    *address*: of a cluster's head ("10.0.0.1:6379"), or "auto" for the one that this machine belongs to; None starts
    Ray here, for this executor alone, behind a token (RAY_AUTH_TOKEN, or one that nobody knows). *processes*: cores
    that the Ray which is started uses; None takes all. *engines*: how many processes hold the network; None takes one
    a core, or one a GPU. *gpus_per_engine*: 1 or a part of it; None takes 1 for an engine that runs on a GPU.
    *window*: pictures that are on their way at once, whose names are held; None takes what keeps the cluster busy for
    minutes.

    Raises ModuleNotFoundError if Ray is not installed.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        processes: int | None = None,
        engines: int | None = None,
        gpus_per_engine: float | None = None,
        window: int | None = None,
    ) -> None:
        for package in ("ray", "pyarrow"):
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        self._asked_address = address
        self._processes = processes or usable_cores()
        self._pool = Pool(engines, gpus_per_engine, window)
        self._driver: _Driver | None = None
        self._stays = False

    @property
    def address(self) -> str | None:
        """Where the cluster is while one is used, else None."""
        return None if self._driver is None else self._driver.address

    def run(self, units: Iterable[Unit], work: Work) -> Generator[UnitDone, None, None]:
        """Yield what became of each unit, exactly once, in any order; see `Executor.run`.

        Raises DeviceUnready if Ray cannot be started or joined, or is lost, and what opening the bundle raises on a
        node, whose name is told.
        """
        driver = self._driver = self._driver or _Driver(self._asked_address, self._processes)
        try:
            driver.send(Run(work, self._pool))
            yield from _answers(driver, iter(units))
        finally:
            # What was stopped in the middle would go on with units that nobody takes.
            if driver.is_busy or not self._stays:
                self.close()

    def close(self) -> None:
        """End the Ray that was started, or leave the cluster; a second call does nothing."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def __enter__(self) -> RayExecutor:
        self._stays = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stays = False
        self.close()


def _answers(driver: _Driver, units: Iterator[Unit]) -> Iterator[UnitDone]:
    while not isinstance(message := driver.receive(), Ended):
        if isinstance(message, More):
            driver.send(Units(_about(units, message.pictures)))
        elif isinstance(message, Failed):
            raise _error(message)
        else:
            assert isinstance(message, UnitDone)
            yield message


def _about(units: Iterator[Unit], pictures: int) -> tuple[Unit, ...]:
    """Take units until they have so many pictures."""
    taken: list[Unit] = []
    while pictures > 0 and (unit := next(units, None)) is not None:
        taken.append(unit)
        pictures -= len(unit.items)
    return tuple(taken)


def _error(failed: Failed) -> Exception:
    return RuntimeError(failed.mistake) if failed.error is None else failed.error


class _Driver:
    """The process in which Ray's driver lives, see `ray_driver`; *is_busy* from a `Run` to its end."""

    def __init__(self, address: str | None, processes: int) -> None:
        self.is_busy = True
        self._folder = _new_folder()
        self._log = self._folder / "driver.log"
        self._process = self._started(address)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._line = Line(self._process.stdout, self._process.stdin)
        try:
            self.send(Start(address, processes, self._folder))
            self.address = self._first()
        except BaseException:
            self.close()
            raise

    def send(self, message: Message) -> None:
        """Say something; if the other end is gone, `receive` tells."""
        self.is_busy = True
        with contextlib.suppress(BrokenPipeError):
            self._line.send(message)

    def receive(self) -> Message:
        """Wait for what it says; raises DeviceUnready if it is gone, or says nothing for half an hour."""
        # What waits for a GPU whose machine is lost would wait for ever.
        watch = threading.Timer(_LONGEST_SILENCE_S, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            message = self._line.receive()
            self.is_busy = not isinstance(message, Ended | Failed | Ready)
            return message
        except EOFError:
            raise DeviceUnready(
                f"cannot go on: the process that speaks to Ray ended ({self._last_words()}), expected it to answer; "
                "look at the cluster, then start the same command again, which goes on"
            ) from None
        finally:
            watch.cancel()

    def close(self) -> None:
        """End it, and with it the Ray that it started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        # Its last words may fill the pipe.
        self._process.stdout.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        take_away(self._folder)

    def _started(self, address: str | None) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", _DRIVER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=_PACKAGES,  # Python 3.10 puts this folder first: what lies in the user's shall not be imported
                env=_environment(address),
                start_new_session=True,  # Ctrl-C at the terminal reaches us alone
            )

    def _first(self) -> str:
        message = self.receive()
        if isinstance(message, Failed):
            raise _error(message)
        assert isinstance(message, Ready)
        return message.address

    def _last_words(self) -> str:
        self._process.wait(_PATIENCE_S)
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        last = next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it wrote nothing")
        return f"exit code {self._process.returncode}, last line: {last}"


def _new_folder() -> Path:
    place = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="skinseg-ray-", dir=place if len(place) <= _LONGEST_FOLDER else "/tmp"))


def _environment(address: str | None) -> dict[str, str]:
    """Return this process's environment for the driver, and for the Ray that it may start."""
    paths = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    environment = {**os.environ, **_QUIET, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}
    if address is not None:
        return environment
    # Whoever reaches Ray's ports can run code, and they are open to the network.
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32)}
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN_PATH"):
        environment.pop(name, None)
    # Else a picture that needs too much memory would be tried for ever.
    return {**environment, **own, "RAY_task_oom_retries": "2"}
