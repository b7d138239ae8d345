"""Stands in for `pycuda.driver` over the fake GPU: a context stack a thread, errors by words, no graphs."""

import builtins
import contextlib
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, SupportsInt

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tests.fake_device.error_words import WORDS
from tests.fake_device.fake_gpu import FakeGpu, GpuError, gpu

if gpu().settings.driver == 0:
    raise ImportError("libcuda.so.1: cannot open shared object file: No such file or directory")


class Error(Exception):  # pycuda's names here and below
    pass


class MemoryError(Error, builtins.MemoryError):
    pass


class LogicError(Error):
    pass


class LaunchError(Error):
    pass


class RuntimeError(Error):
    pass


class host_alloc_flags:
    PORTABLE, DEVICEMAP, WRITECOMBINED = 1, 2, 4


class ctx_flags(IntEnum):
    SCHED_AUTO = 0
    SCHED_BLOCKING_SYNC = 4
    MAP_HOST = 8


class event_flags(IntEnum):
    DEFAULT = 0
    BLOCKING_SYNC = 1
    DISABLE_TIMING = 2


class device_attribute(IntEnum):
    INTEGRATED = 18
    CAN_MAP_HOST_MEMORY = 19
    UNIFIED_ADDRESSING = 41
    COMPUTE_CAPABILITY_MAJOR = 75
    COMPUTE_CAPABILITY_MINOR = 76


_LAUNCH = frozenset({"cudaErrorLaunchFailure", "cudaErrorLaunchOutOfResources", "cudaErrorLaunchTimeout"})
_RUNTIME = frozenset({"cudaErrorNoDevice", "cudaErrorNotReady", "cudaErrorECCUncorrectable"})
# A fault is set by the runtime's name of the call, which goes for both libraries.
_SAME_CALL = {
    "cuMemAlloc": "cudaMalloc",
    "cuMemFree": "cudaFree",
    "cuMemHostAlloc": "cudaHostAlloc",
    "cuMemFreeHost": "cudaFreeHost",
    "cuMemHostGetDevicePointer": "cudaHostGetDevicePointer",
    "cuMemcpyHtoDAsync": "cudaMemcpyAsync",
    "cuMemcpyDtoHAsync": "cudaMemcpyAsync",
    "cuStreamCreate": "cudaStreamCreateWithFlags",
    "cuStreamSynchronize": "cudaStreamSynchronize",
    "cuStreamDestroy": "cudaStreamDestroy",
    "cuEventCreate": "cudaEventCreate",
    "cuEventRecord": "cudaEventRecord",
    "cuEventSynchronize": "cudaEventSynchronize",
    "cuEventElapsedTime": "cudaEventElapsedTime",
    "cuEventDestroy": "cudaEventDestroy",
    "cuMemGetInfo": "cudaMemGetInfo",
}
_stack = threading.local()
_is_ready = False


def _error(call: str, code: str, more: str = "") -> Error:
    kind: type[Error] = MemoryError if code == "cudaErrorMemoryAllocation" else LogicError
    kind = LaunchError if code in _LAUNCH else RuntimeError if code in _RUNTIME else kind
    return kind(f"{call} failed: {WORDS[code]}{more}")


def _contexts() -> list["Context"]:
    if not hasattr(_stack, "contexts"):
        _stack.contexts = []
    contexts: list[Context] = _stack.contexts
    return contexts


def _call(call: str, work: Callable[[FakeGpu], Any], *, in_context: bool = True) -> Any:
    try:
        if not _is_ready:
            raise GpuError("cudaErrorInitializationError")
        if in_context and not _contexts():
            raise GpuError("cudaErrorDeviceUninitialized")
        gpu().enter(_SAME_CALL.get(call, call), needs_context=in_context)
        return work(gpu())
    except GpuError as error:
        raise _error(call, error.code) from None


def init(flags: int = 0) -> None:
    global _is_ready
    _is_ready = True
    _call("cuInit", lambda _: None, in_context=False)


def get_version() -> tuple[int, int, int]:
    cuda = gpu().settings.cuda
    return cuda // 1000, cuda % 1000 // 10, cuda % 10


def get_driver_version() -> int:
    return gpu().settings.driver


class Device:
    def __init__(self, ordinal: int) -> None:
        def check(g: FakeGpu) -> None:
            if not 0 <= ordinal < g.settings.devices:
                raise GpuError("cudaErrorInvalidDevice")

        _call("cuDeviceGet", check, in_context=False)

    @staticmethod
    def count() -> int:
        return int(_call("cuDeviceGetCount", lambda g: g.settings.devices, in_context=False))

    def name(self) -> str:
        return gpu().settings.gpu

    def compute_capability(self) -> tuple[int, int]:
        return gpu().settings.compute_capability

    def total_memory(self) -> int:
        return gpu().settings.memory

    def get_attribute(self, attr: device_attribute) -> int:
        settings = gpu().settings
        return {
            device_attribute.INTEGRATED: int(settings.integrated),
            device_attribute.CAN_MAP_HOST_MEMORY: int(settings.can_map_host),
            device_attribute.UNIFIED_ADDRESSING: 1,
            device_attribute.COMPUTE_CAPABILITY_MAJOR: settings.compute_capability[0],
            device_attribute.COMPUTE_CAPABILITY_MINOR: settings.compute_capability[1],
        }[attr]

    def retain_primary_context(self) -> "Context":
        made: Context = _call("cuDevicePrimaryCtxRetain", lambda _: object.__new__(Context), in_context=False)
        made._thread = threading.get_ident()
        made._is_valid = True
        return made


class Context:
    _thread: int
    _is_valid: bool

    def push(self) -> None:
        def work(_: FakeGpu) -> None:
            if not self._is_valid:
                raise GpuError("cudaErrorDeviceUninitialized")
            _contexts()
            _stack.contexts.append(self)
            gpu().context_depth[threading.get_ident()] += 1

        _call("cuCtxPushCurrent", work, in_context=False)

    @staticmethod
    def pop() -> None:
        def work(g: FakeGpu) -> None:
            _stack.contexts.pop()
            g.context_depth[threading.get_ident()] -= 1

        _call("cuCtxPopCurrent", work)

    def detach(self) -> None:
        if not self._is_valid:
            raise _error("context::detach", "cudaErrorDeviceUninitialized", " - cannot detach from invalid context")
        self._is_valid = False
        if Context.get_current() is not self:
            gpu().context_depth[threading.get_ident()] += 1  # a flaw of pycuda: it pushes and never pops
        if self in _contexts():
            _stack.contexts.remove(self)

    @staticmethod
    def synchronize() -> None:
        _call("cuCtxSynchronize", lambda g: g.run_all())

    @staticmethod
    def get_current() -> "Context | None":
        stack = _contexts()
        return stack[-1] if stack else None

    @staticmethod
    def get_device() -> Device:
        return Device(0)


class _OfContext:
    """What remembers its context and goes back to it to be freed, on that context's thread only."""

    def __init__(self) -> None:
        stack = _contexts()
        self._context = stack[-1] if stack else None

    def _in_context(self, call: str, work: Callable[[FakeGpu], Any]) -> None:
        context = self._context
        if context is None or not context._is_valid:
            raise _error(call, "cudaErrorContextIsDestroyed")
        if threading.get_ident() != context._thread:
            raise _error(call, "cudaErrorDeviceUninitialized", " - cannot activate out-of-thread context")
        is_foreign = Context.get_current() is not context
        if is_foreign:
            context.push()
        try:
            _call(call, work)
        finally:
            if is_foreign:
                Context.pop()


class DeviceAllocation(_OfContext):
    def __init__(self, nbytes: int) -> None:
        super().__init__()
        self._address = int(_call("cuMemAlloc", lambda g: g.allocate(nbytes, "device")))
        self._is_live = True

    def __int__(self) -> int:
        return self._address

    __index__ = __int__

    def free(self) -> None:
        if not self._is_live:
            raise _error("device_allocation::free", "cudaErrorInvalidResourceHandle")
        self._is_live = False
        self._in_context("cuMemFree", lambda g: g.free(self._address, host=False))

    def __del__(self) -> None:
        if getattr(self, "_is_live", False):
            with contextlib.suppress(Error):  # as pycuda's destructors, which only print
                self.free()


def mem_alloc(bytes: int) -> DeviceAllocation:
    return DeviceAllocation(bytes)


class HostPointer(_OfContext):
    _address: int

    def get_device_pointer(self) -> int:
        return int(_call("cuMemHostGetDevicePointer", lambda g: g.device_pointer(self._address)))


class PagelockedHostAllocation(HostPointer):
    def __init__(self, nbytes: int, flags: int) -> None:
        super().__init__()
        kind = "mapped" if flags & host_alloc_flags.DEVICEMAP else "pinned"
        self._address = int(_call("cuMemHostAlloc", lambda g: g.allocate(nbytes, kind)))
        self._is_live = True
        # numpy keeps this object as the base of an array over its memory
        self.__array_interface__ = {
            "data": (self._address, False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }

    def free(self) -> None:
        if not self._is_live:
            raise _error("pagelocked_host_allocation::free", "cudaErrorInvalidResourceHandle")
        self._is_live = False
        self._in_context("cuMemFreeHost", lambda g: g.free(self._address, host=True))

    def get_flags(self) -> int:
        return 0

    def __del__(self) -> None:
        if getattr(self, "_is_live", False):
            with contextlib.suppress(Error):
                self.free()


HostAllocation = PagelockedHostAllocation


def pagelocked_empty(
    shape: int | tuple[int, ...], dtype: DTypeLike, order: str = "C", mem_flags: int = 0
) -> NDArray[Any]:
    wanted = np.dtype(dtype)
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    held = PagelockedHostAllocation(int(np.prod(lengths)) * wanted.itemsize, mem_flags)
    flat = np.asarray(held)
    return flat if wanted == np.uint8 and len(lengths) == 1 else flat.view(wanted).reshape(lengths)


def mem_get_info() -> tuple[int, int]:
    free, total = _call("cuMemGetInfo", lambda g: (g.free_bytes(), g.settings.memory))
    return free, total


def memcpy_htod_async(dest: SupportsInt, src: Any, stream: "Stream | None" = None) -> None:
    _copy("cuMemcpyHtoDAsync", int(dest), src, stream, to_device=True)


def memcpy_dtoh_async(dest: Any, src: SupportsInt, stream: "Stream | None" = None) -> None:
    _copy("cuMemcpyDtoHAsync", int(src), dest, stream, to_device=False)


def _copy(call: str, device: int, host: Any, stream: "Stream | None", *, to_device: bool) -> None:
    view = np.frombuffer(host, np.uint8)
    address = view.ctypes.data

    def work(g: FakeGpu) -> None:
        queue = g.stream(stream.handle if stream is not None else 0)
        ends = (device, address) if to_device else (address, device)
        g.copy(*ends, view.nbytes, queue, to_device=to_device)

    _call(call, work)


class Stream(_OfContext):
    def __init__(self, flags: int = 0) -> None:
        super().__init__()
        self._handle = int(_call("cuStreamCreate", lambda g: g.new_stream().handle))

    @property
    def handle(self) -> int:
        return self._handle

    def synchronize(self) -> None:
        _call("cuStreamSynchronize", lambda g: g.synchronize(g.stream(self._handle)))

    def is_done(self) -> bool:
        return not _call("cuStreamQuery", lambda g: g.stream(self._handle)).queue

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            with contextlib.suppress(Error):
                self._in_context("cuStreamDestroy", lambda g: g.close_stream(self._handle))


class Event(_OfContext):
    def __init__(self, flags: int = 0) -> None:
        super().__init__()
        self._handle = int(_call("cuEventCreate", lambda g: g.new_event().handle))

    def record(self, stream: Stream | None = None) -> "Event":
        handle = stream.handle if stream is not None else 0
        _call("cuEventRecord", lambda g: g.record(g.event(self._handle), g.stream(handle)))
        return self

    def synchronize(self) -> "Event":
        _call("cuEventSynchronize", lambda g: g.wait_for(g.event(self._handle)))
        return self

    def query(self) -> bool:
        return _call("cuEventQuery", lambda g: g.event(self._handle)).passed_at is not None

    def time_since(self, event: "Event") -> float:
        return event.time_till(self)

    def time_till(self, event: "Event") -> float:
        ends = self._handle, event._handle
        return float(_call("cuEventElapsedTime", lambda g: g.ms_between(g.event(ends[0]), g.event(ends[1]))))

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            with contextlib.suppress(Error):
                self._in_context("cuEventDestroy", lambda g: g.close_event(self._handle))
