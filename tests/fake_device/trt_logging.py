"""Loggers of the fake TensorRT, with NVIDIA's rule: the first that a process gives is kept, all others stay silent."""

import sys
from typing import Any, ClassVar

from tests.fake_device import trt_enums

__all__ = ["ILogger", "Logger", "Speaker"]


class ILogger:
    Severity = trt_enums.Severity
    INTERNAL_ERROR: ClassVar[trt_enums.Severity] = trt_enums.Severity.INTERNAL_ERROR
    ERROR: ClassVar[trt_enums.Severity] = trt_enums.Severity.ERROR
    WARNING: ClassVar[trt_enums.Severity] = trt_enums.Severity.WARNING
    INFO: ClassVar[trt_enums.Severity] = trt_enums.Severity.INFO
    VERBOSE: ClassVar[trt_enums.Severity] = trt_enums.Severity.VERBOSE

    def __init__(self) -> None:
        self._is_ready = True

    def log(self, severity: trt_enums.Severity, msg: str) -> None:
        raise NotImplementedError("Tried to call pure virtual function ILogger::log")


class Logger(ILogger):
    def __init__(self, min_severity: trt_enums.Severity = trt_enums.Severity.WARNING) -> None:
        super().__init__()
        self.min_severity = min_severity

    def log(self, severity: trt_enums.Severity, msg: str) -> None:
        if severity.value <= self.min_severity.value:
            print(f"[TRT] [{severity.name[0]}] {msg}", file=sys.stderr)  # noqa: T201  # as NVIDIA's does


class Speaker:
    """What a product says, to the one logger that it keeps."""

    def __init__(self) -> None:
        self._kept: ILogger | None = None

    def keep(self, logger: Any) -> None:
        if not isinstance(logger, ILogger):
            raise TypeError(f"incompatible constructor arguments: {logger!r} is no ILogger")
        if not getattr(logger, "_is_ready", False):
            raise TypeError("ILogger.__init__() must be called when overriding __init__")
        if self._kept is None:
            self._kept = logger
        elif self._kept is not logger:
            self.warn("The logger passed into a constructor differs from one already provided; it is ignored.")

    def error(self, text: str) -> None:
        self._say(trt_enums.Severity.ERROR, text)

    def warn(self, text: str) -> None:
        self._say(trt_enums.Severity.WARNING, text)

    def info(self, text: str) -> None:
        self._say(trt_enums.Severity.INFO, text)

    def _say(self, severity: trt_enums.Severity, text: str) -> None:
        if self._kept is not None:
            self._kept.log(severity, text)
