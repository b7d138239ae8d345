"""What pycuda lacks, straight from the driver through ctypes: capture and graphs, and a pop that it forgets.

May go when pycuda has them.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.cuda_memory.faults import fault_from_words

__all__ = ["captured", "destroy", "launch", "pop_context"]

_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may go on allocating meanwhile
_NAME = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"  # the driver that pycuda has loaded


def captured(stream: int, work: Callable[[], None]) -> int:
    """Let *work* queue on the stream with this handle without running; return the handle of an executable graph.

    The capture ends even if *work* raises. Raises CudaFault if the driver has no graphs, or refuses this one.
    """
    _call("cuStreamBeginCapture_v2", ctypes.c_void_p(stream), _THREAD_LOCAL)
    graph = ctypes.c_void_p()
    try:
        work()
    except BaseException:
        if not _function("cuStreamEndCapture")(ctypes.c_void_p(stream), ctypes.byref(graph)):
            _function("cuGraphDestroy")(graph)
        raise
    _call("cuStreamEndCapture", ctypes.c_void_p(stream), ctypes.byref(graph))
    return _instantiated(graph)


def _instantiated(graph: ctypes.c_void_p) -> int:
    executable = ctypes.c_void_p()
    try:
        _call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_ulonglong(0))
    finally:
        _function("cuGraphDestroy")(graph)
    return executable.value or 0


def launch(graph: int, stream: int) -> None:
    """Queue an executable graph on a stream; both by their handles."""
    _call("cuGraphLaunch", ctypes.c_void_p(graph), ctypes.c_void_p(stream))


def destroy(graph: int) -> None:
    """Give an executable graph back."""
    _call("cuGraphExecDestroy", ctypes.c_void_p(graph))


def pop_context() -> None:
    """Take the top one off the driver's stack of contexts for this thread."""
    _call("cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))


def _call(name: str, *arguments: object) -> None:
    code = int(_function(name)(*arguments))
    if code:
        raise fault_from_words(f"{name} failed: {_words(code)}")


def _words(code: int) -> str:
    text = ctypes.c_char_p()
    _function("cuGetErrorString")(code, ctypes.byref(text))
    return (text.value or f"error {code}".encode()).decode()


def _function(name: str) -> Any:
    try:
        return getattr(_driver(), name)
    except (OSError, AttributeError) as error:
        raise CudaFault(name, f"{type(error).__name__}: the driver has no such call") from error


@cache
def _driver() -> ctypes.CDLL:
    return ctypes.CDLL(_NAME)
