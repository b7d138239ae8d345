"""Work in a process of its own: its crash, its memory and its hanging are not ours.

The child (see `answering`) reads one line of JSON, the job, and writes lines of JSON: news while it works, then one
answer. It ends itself when its stdin closes, so it never outlives its parent.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO

from skinseg_edge.bundle import TRUSTED_KEY_VARIABLE

__all__ = ["Died", "Overdue", "answer_of"]

_PATIENCE_S = 1.0  # the longest silence
_LAST_LINES = 30  # of stderr, kept to say why a child died
# Ctrl-C at the terminal reaches us alone, and we end the child with all it started.
_OWN_GROUP = 0
if sys.platform == "win32":
    _OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
_PACKAGES = Path(__file__).resolve().parent.parent.parent


class Overdue(Exception):
    """The child gave no answer in time, and was ended."""


class Died(Exception):
    """The child ended without an answer. *code*: as `Popen.returncode`; *last*: the last line it wrote to stderr."""

    def __init__(self, code: int, last: str) -> None:
        super().__init__(f"ended with {code}: {last}")
        self.code = code
        self.last = last

    @property
    def was_killed(self) -> bool:
        """Whether it was killed as the system kills a process for want of memory."""
        return self.code in (-9, 137)

    @property
    def how(self) -> str:
        """How it ended, in words: "was killed by SIGSEGV" or "ended with 3"."""
        with contextlib.suppress(ValueError):
            if self.code < 0:
                return f"was killed by {signal.Signals(-self.code).name}"
        return f"ended with {self.code}"


def answer_of(
    module: str, job: Mapping[str, object], on_news: Callable[[Mapping[str, object]], None], *, timeout_s: float
) -> dict[str, object]:
    """Start `python -m module` with *job* and return its answer: {"done": ...} or {"error": ...}.

    *on_news*: called with each line before it, and with nothing about once a second while none comes. *timeout_s*:
    seconds on a clock that never jumps. The child is ended with all it started, whatever ends this call: Ctrl-C, or an
    error in *on_news*.

    Raises Overdue if the time is over, Died if the child ended without an answer.
    """
    child = _started(module)
    try:
        watch = _Watch(child)
        _hand_over(child, job)
        return _listen(watch, on_news, time.monotonic() + timeout_s)
    finally:
        _end(child)


@dataclass
class _Watch:
    """The lines of a child, read by two threads so that neither pipe fills up."""

    child: "subprocess.Popen[str]"
    lines: "queue.Queue[str | None]" = field(default_factory=queue.Queue)
    complaints: "deque[str]" = field(default_factory=lambda: deque(maxlen=_LAST_LINES))

    def __post_init__(self) -> None:
        self.readers = [
            Thread(target=self._read, args=(self.child.stdout, self.lines.put, True), daemon=True),
            Thread(target=self._read, args=(self.child.stderr, self.complaints.append, False), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, stream: IO[str], keep: Callable[[str], None], marks_end: bool) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while it was read
            for line in stream:
                keep(line)
        if marks_end:
            self.lines.put(None)

    def last_words(self) -> str:
        """Return the last line of stderr, once all of it has come."""
        self.readers[1].join(5)
        return next((line.strip()[:300] for line in reversed(self.complaints) if line.strip()), "nothing")


def _started(module: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=_PACKAGES,  # Python 3.10 puts this folder first: what lies in the user's shall not be imported
        env=_environment(),
        start_new_session=True,
        creationflags=_OWN_GROUP,
    )


def _environment() -> dict[str, str]:
    """Return this process's environment, such that it means the same in another folder.

    Without the trusted key: which one counts was decided when the parent opened the bundle, perhaps by an option, and
    the job names the manifest that was trusted then.
    """
    paths = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    # Safe: else `-m` would put the folder of all packages before Python's own library, which some old ones shadow.
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    environment.pop(TRUSTED_KEY_VARIABLE, None)
    return environment


def _hand_over(child: "subprocess.Popen[str]", job: Mapping[str, object]) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it died at once; what it wrote tells why
        child.stdin.write(json.dumps(job) + "\n")
        child.stdin.flush()


def _listen(watch: _Watch, on_news: Callable[[Mapping[str, object]], None], deadline: float) -> dict[str, object]:
    while (line := _next_line(watch, deadline)) is not None:
        document = _object(line)
        if isinstance(document.get("done"), dict) or isinstance(document.get("error"), dict):
            return document
        if time.monotonic() >= deadline:  # a child may talk on for ever
            raise Overdue
        on_news(document)
    try:
        code = watch.child.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:  # it closed its stdout and goes on
        raise Overdue from None
    raise Died(code, watch.last_words())


def _next_line(watch: _Watch, deadline: float) -> str | None:
    """Return the child's next line, "" if none came for a second, None where no more can come."""
    has_ended = watch.child.poll() is not None
    try:
        return watch.lines.get(timeout=max(0.0, min(_PATIENCE_S, deadline - time.monotonic())))
    except queue.Empty:
        if has_ended:
            return None  # it ended a second ago, and what it had started keeps its stdout open
        if time.monotonic() >= deadline:
            raise Overdue from None
        return ""


def _object(line: str) -> dict[str, object]:
    """Return the line's object; empty for half a line, which a crash leaves, and for what is no news."""
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _end(child: "subprocess.Popen[str]") -> None:
    """End the child and all it started, and take its pipes away."""
    if sys.platform == "win32":
        child.kill()
    else:
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # PermissionError: macOS, of a group that is gone
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
