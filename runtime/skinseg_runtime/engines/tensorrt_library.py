"""TensorRT or TensorRT-RTX as a module, imported on first use, and the one log of each."""

import importlib
import logging
import re
import threading
from collections import deque
from functools import cache
from typing import Any, Protocol, cast

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.engines.products import Product
from skinseg_runtime.engines.tensorrt_api import TensorRt

__all__ = ["TensorRtLog", "load", "tensorrt_logger", "version_numbers"]

_log = logging.getLogger(__name__)

_MOST_LINES = 500
_LONGEST_LINE = 2000
_LONGEST_COMPLAINT = 600
_MOST_COMPLAINTS = 3  # the first ones name the cause, later ones its consequences
_MAKING = threading.Lock()
_LEVELS = {
    "INTERNAL_ERROR": logging.ERROR,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
}


def load(product: Product) -> TensorRt:
    """Import the library of *product*.

    Raises ToolMissing if it is missing, damaged or too old.
    """
    try:
        module = importlib.import_module(product.module)
        version = str(module.__version__)
    except ModuleNotFoundError as error:
        if error.name != product.module:
            raise _damaged(product, error) from error
        raise ToolMissing(f"cannot use {product.title}: Python finds no {product.module}; {product.remedy}") from error
    except Exception as error:  # whatever a library that finds only a part of itself may raise
        raise _damaged(product, error) from error
    _check_age(product, version)
    return cast("TensorRt", module)


def version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version.

    >>> version_numbers("10.16.1.11")
    (10, 16, 1, 11)
    """
    return tuple(int(number) for number in re.findall(r"\d+", version))


class TensorRtLog(Protocol):
    """What TensorRT says, kept for those who need its words; also an `ILogger` of the module it was made for.

    Lines of any thread arrive; the newest are kept.
    """

    def clear(self) -> None:
        """Forget the lines."""
        ...

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return severity ("ERROR", "WARNING", "INFO", ...) and text of the lines since `clear`, oldest first."""
        ...

    def complaint(self) -> str:
        """Return the errors since `clear` in one line, "" if there is none."""
        ...


def tensorrt_logger(trt: TensorRt) -> TensorRtLog:
    """Return the one log of this process for *trt*, which keeps the first that it is given and ignores all others."""
    with _MAKING:
        return _logger_on(trt.ILogger)


@cache
def _logger_on(base: Any) -> TensorRtLog:
    class Log(base):  # type: ignore[misc]  # NVIDIA's class, known at run time only
        def __init__(self) -> None:
            base.__init__(self)  # pybind11 asks for this very call
            self._lines: deque[tuple[str, str]] = deque(maxlen=_MOST_LINES)
            self._change = threading.RLock()  # reentrant: the garbage collector may free an engine, which then speaks

        def log(self, severity: Any, msg: str) -> None:
            level = _LEVELS.get(severity.name)
            if level is None:  # VERBOSE: thousands of lines
                return
            text = " ".join(str(msg).split())[:_LONGEST_LINE]
            with self._change:
                self._lines.append((severity.name, text))
            # Errors are told by whoever meets them, with what to do; here they are for those who debug.
            _log.log(min(level, logging.INFO), "TensorRT: %s", text)

        def clear(self) -> None:
            with self._change:
                self._lines.clear()

        def lines(self) -> tuple[tuple[str, str], ...]:
            with self._change:
                return tuple(self._lines)

        def complaint(self) -> str:
            errors = [text for severity, text in self.lines() if _LEVELS[severity] >= logging.ERROR]
            return "; ".join(errors[:_MOST_COMPLAINTS])[:_LONGEST_COMPLAINT]

    return cast("TensorRtLog", Log())


def _damaged(product: Product, error: Exception) -> ToolMissing:
    words = (str(error).strip().splitlines() or [repr(error)])[0][:300]
    return ToolMissing(
        f"cannot use {product.title}: Python finds {product.module} and cannot import it ('{words}'); {product.remedy}"
    )


def _check_age(product: Product, version: str) -> None:
    numbers = version_numbers(version)
    oldest = ".".join(str(number) for number in product.oldest)
    if numbers >= product.oldest:
        return
    if product.module == "tensorrt" and numbers < (10,):
        raise ToolMissing(
            f"cannot use {product.title}: its version is {version}, of JetPack 5 or 6.0, which is not supported, "
            f"expected {oldest} or newer; install JetPack 6.1 or newer (see docs/jetson.md) or use engine onnxruntime"
        )
    raise ToolMissing(
        f"cannot use {product.title}: its version is {version}, expected {oldest} or newer; {product.remedy}"
    )
