"""What TensorRT says while it parses and builds: reasons of a failure, and memory figures that stand nowhere else."""

import re
from dataclasses import dataclass
from typing import Any, cast

from skinseg_runtime.engines.tensorrt_api import TensorRt
from skinseg_runtime.engines.tensorrt_library import TensorRtLog, tensorrt_logger

__all__ = ["BuilderLog", "builder_log"]

_MEMORY_LINES = {
    "activation_bytes": re.compile(r"Total Activation Memory: (\d+) bytes"),
    "weights_bytes": re.compile(r"Total Weights Memory: (\d+) bytes"),
    "scratch_bytes": re.compile(r"(?:Max|Total) Scratch Memory: (\d+) bytes"),
}


@dataclass(frozen=True)
class BuilderLog:
    """*lines*: the one log of this process for a module, which its builder and parser are made with."""

    lines: TensorRtLog

    def clear(self) -> None:
        """Forget everything, as before a new parse or build."""
        self.lines.clear()

    def complaint(self) -> str:
        """Return the errors since `clear` in one line; where there is none, the last warning may tell the reason."""
        warnings = [text for severity, text in self.lines.lines() if severity == "WARNING"]
        return self.lines.complaint() or next(reversed(warnings), "the builder gave no reason")

    def memory(self) -> dict[str, int]:
        """Return activation_bytes, weights_bytes and scratch_bytes since `clear`, as far as they were logged.

        An engine for several compute capabilities has figures of each: the largest count, they are for a budget.
        """
        found: dict[str, int] = {}
        for _, text in self.lines.lines():
            for name, pattern in _MEMORY_LINES.items():
                if match := pattern.search(text):
                    found[name] = max(found.get(name, 0), int(match[1]))
        return found


def builder_log(trt: TensorRt) -> BuilderLog:
    """Return the log of *trt*."""
    return BuilderLog(tensorrt_logger(cast("Any", trt)))  # a module can be hashed, which its Protocol cannot say
