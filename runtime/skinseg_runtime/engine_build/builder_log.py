"""What TensorRT says while it parses and builds: reasons of a failure, and memory figures that stand nowhere else."""

import re
import threading
from collections import deque
from typing import Any

from skinseg_runtime.engines.tensorrt_api import TensorRt

__all__ = ["BuildRecord", "builder_log"]

_ERROR, _WARNING = 1, 2  # severities up to these are errors, and warnings or worse
_KEPT = 20  # lines of each kind: a builder that runs out of memory may complain of every kernel it tries
_MEMORY_LINES = {
    "activation_bytes": re.compile(r"Total Activation Memory: (\d+) bytes"),
    "weights_bytes": re.compile(r"Total Weights Memory: (\d+) bytes"),
    "scratch_bytes": re.compile(r"(?:Max|Total) Scratch Memory: (\d+) bytes"),
}


class BuildRecord:
    """The lines that matter of a log, from any thread, in bounded memory however long a build talks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: deque[str] = deque(maxlen=_KEPT)
        self._warnings: deque[str] = deque(maxlen=_KEPT)
        self._memory: dict[str, int] = {}

    def clear(self) -> None:
        """Forget everything, as before a new parse or build."""
        with self._lock:
            self._errors.clear()
            self._warnings.clear()
            self._memory.clear()

    def note(self, severity: int, message: str) -> None:
        """Take in one line; *severity*: TensorRT's number, 0 for the worst."""
        with self._lock:
            if severity <= _ERROR:
                self._errors.append(message)
            elif severity <= _WARNING:
                self._warnings.append(message)
            for name, pattern in _MEMORY_LINES.items():
                if match := pattern.search(message):
                    self._memory.setdefault(name, int(match[1]))

    def complaint(self) -> str:
        """Return the errors since the last `clear` as one line, without any the last warning."""
        with self._lock:
            said = list(dict.fromkeys(self._errors)) or list(self._warnings)[-1:]
        return "; ".join(" ".join(line.split()) for line in said) or "the builder gave no reason"

    def memory(self) -> dict[str, int]:
        """Return activation_bytes, weights_bytes and scratch_bytes, as far as they were logged."""
        with self._lock:
            return dict(self._memory)


_logs: dict[int, Any] = {}  # by the module's id, which stays its own: a log's class keeps the module alive
_lock = threading.Lock()


def builder_log(trt: TensorRt) -> Any:
    """Return the logger for *trt*, an `ILogger` with a `record`.

    One for the whole process: TensorRT keeps the first it sees and ignores every later one, with a warning.
    """
    with _lock:
        if id(trt) not in _logs:
            _logs[id(trt)] = _new_log(trt)
        return _logs[id(trt)]


def _new_log(trt: TensorRt) -> Any:

    class Log(trt.ILogger):  # type: ignore[misc, name-defined]  # the module is a parameter, so its classes are values
        def __init__(self) -> None:
            trt.ILogger.__init__(self)  # NVIDIA asks for this very form
            self.record = BuildRecord()

        def log(self, severity: Any, msg: str) -> None:
            self.record.note(int(severity), msg)

    return Log()
