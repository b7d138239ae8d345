"""Keep the chatter of the tools below us off the user's terminal."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

__all__ = ["quiet"]

_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "coremltools")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, log lines and progress bars of torch's exporter, onnxscript and coremltools inside the block.

    They speak of their own internals (deprecated calls between them, optional packages that are not there); their
    errors still arrive as exceptions.
    """
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
