"""The child's side of `apart`: read a job from stdin, tell news, give one answer, die with the parent."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import TextIO, TypeAlias

from skinseg_edge.errors import SkinsegError

__all__ = ["Tell", "answer"]

Tell: TypeAlias = Callable[[Mapping[str, object]], None]
"""Sends one line of news; may be called from any thread."""

_ORPHANED = 4  # the exit code of a child whose parent has gone; nobody reads it


def answer(work: Callable[[dict[str, object], Tell], Mapping[str, object]]) -> None:
    """Do *work* on the job that stands on stdin's first line, and print {"done": ...} or {"error": ...}.

    An error that is none of this project's passes, with its traceback on stderr: the parent tells it as a crash.
    """
    speak = _Speaker(_private_stdout())
    job = json.loads(sys.stdin.readline())
    Thread(target=_die_with_parent, daemon=True).start()
    _be_ended_first()
    try:
        done = work(job, speak)
    except SkinsegError as error:
        speak({"error": {"kind": type(error).__name__, "message": str(error)}})
    else:
        speak({"done": dict(done)})


class _Speaker:
    """Writes whole lines, one at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()

    def __call__(self, document: Mapping[str, object]) -> None:
        line = json.dumps(document, allow_nan=False)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def _private_stdout() -> TextIO:
    """Return a stream to our stdout, and send what libraries print there to stderr: no answer is cut in two."""
    sys.stdout.flush()
    private = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return private


def _die_with_parent() -> None:
    """End this process when stdin closes: a build nobody waits for would keep the GPU and the memory."""
    while os.read(sys.stdin.fileno(), 1):  # the stream's own lock would be held at exit
        pass
    os._exit(_ORPHANED)


def _be_ended_first() -> None:
    """Ask Linux to end this process before any other when memory runs out: not the server that waits for it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
