"""Stands in for the driver's own library where code calls it through ctypes: the calls that pycuda lacks."""

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from tests.fake_device.error_words import CODES, WORDS
from tests.fake_device.fake_gpu import FakeGpu, GpuError, gpu

__all__ = ["FakeLibcuda", "library_opener"]

# NVIDIA's names
_NAMES = frozenset({"libcuda.so.1", "libcuda.so", "nvcuda.dll"})
# Faults are set by the runtime's names.
_SAME_CALL = {
    "cuStreamBeginCapture_v2": "cudaStreamBeginCapture",
    "cuStreamEndCapture": "cudaStreamEndCapture",
    "cuGraphInstantiateWithFlags": "cudaGraphInstantiate",
    "cuGraphLaunch": "cudaGraphLaunch",
    "cuGraphDestroy": "cudaGraphDestroy",
    "cuGraphExecDestroy": "cudaGraphExecDestroy",
}


class FakeLibcuda:
    """Arguments are ctypes' own; what is given back through a pointer is written there."""

    def cuGetErrorString(self, code: int, text: Any) -> int:
        name = next(name for name, number in CODES.items() if number == code)
        text._obj.value = WORDS[name].encode()
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        depth, thread = gpu().context_depth, threading.get_ident()
        if depth[thread] <= 0:
            return CODES["cudaErrorDeviceUninitialized"]
        depth[thread] -= 1
        return 0

    def cuStreamBeginCapture_v2(self, stream: ctypes.c_void_p, mode: int) -> int:
        return _call("cuStreamBeginCapture_v2", lambda g: g.begin_capture(g.stream(_value(stream))))

    def cuStreamEndCapture(self, stream: ctypes.c_void_p, graph: Any) -> int:
        def work(g: FakeGpu) -> None:
            graph._obj.value = g.end_capture(g.stream(_value(stream))).handle

        return _call("cuStreamEndCapture", work)

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: ctypes.c_void_p, flags: Any) -> int:
        def work(g: FakeGpu) -> None:
            executable._obj.value = g.new_graph(g.graph(_value(graph)).work).handle

        return _call("cuGraphInstantiateWithFlags", work)

    def cuGraphLaunch(self, graph: ctypes.c_void_p, stream: ctypes.c_void_p) -> int:
        return _call("cuGraphLaunch", lambda g: g.launch(g.graph(_value(graph)), g.stream(_value(stream))))

    def cuGraphDestroy(self, graph: ctypes.c_void_p) -> int:
        return _call("cuGraphDestroy", lambda g: g.close_graph(_value(graph)))

    def cuGraphExecDestroy(self, graph: ctypes.c_void_p) -> int:
        return _call("cuGraphExecDestroy", lambda g: g.close_graph(_value(graph)))


def library_opener(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return what may stand for `ctypes.CDLL`: it opens the fake driver by the driver's name, all else for real."""

    class Library(real):  # type: ignore[misc, valid-type]  # a class that is a parameter
        def __new__(cls, name: str | None = None, *arguments: Any, **options: Any) -> Any:
            if name not in _NAMES:
                return real(name, *arguments, **options)
            if gpu().settings.driver == 0:
                raise OSError(f"{name}: cannot open shared object file: No such file or directory")
            return FakeLibcuda()

    return Library


def _value(handle: ctypes.c_void_p) -> int:
    return handle.value or 0


def _call(name: str, work: Callable[[FakeGpu], object]) -> int:
    try:
        gpu().enter(_SAME_CALL[name])
        work(gpu())
    except GpuError as error:
        return CODES[error.code]
    return 0
