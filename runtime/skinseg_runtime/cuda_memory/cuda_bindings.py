"""A GPU through NVIDIA's `cuda.bindings` (12.6 and later, 13): the runtime API on the primary context."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from skinseg_runtime.cuda_memory.absent import driver_failed, driver_too_old, no_driver, no_gpu, version_text
from skinseg_runtime.cuda_memory.buffers import GpuBuffer, PinnedBuffer, check_copy, check_size
from skinseg_runtime.cuda_memory.device import CudaFault, DeviceBuffer, Event, GpuFacts, HostBuffer, Stream
from skinseg_runtime.cuda_memory.faults import NO_DEVICE, fault_named
from skinseg_runtime.cuda_memory.ledger import Ledger

__all__ = ["BACKEND", "CudaBindingsDevice", "gpu_facts"]

BACKEND = "cuda.bindings"


def gpu_facts(ordinal: int = 0) -> GpuFacts:
    """Tell what GPU it is, without a context on it.

    Raises ImportError if the package is missing, ToolMissing if there is no driver, one too old, or no such GPU.
    """
    rt = _library()
    _check_present(rt, ordinal)
    attributes = rt.cudaDeviceAttr

    def value(which: object) -> int:
        return int(_call(rt, "cudaDeviceGetAttribute", which, ordinal))

    properties = _call(rt, "cudaGetDeviceProperties", ordinal)
    major = value(attributes.cudaDevAttrComputeCapabilityMajor)
    return GpuFacts(
        name=bytes(properties.name).split(b"\0")[0].decode("utf-8", "replace"),
        compute_capability=f"{major}.{value(attributes.cudaDevAttrComputeCapabilityMinor)}",
        is_integrated=bool(value(attributes.cudaDevAttrIntegrated)),
        can_map_host=bool(value(attributes.cudaDevAttrCanMapHostMemory)),
        memory_bytes=int(properties.totalGlobalMem),
        cuda=version_text(_call(rt, "cudaRuntimeGetVersion")),
        driver=version_text(_call(rt, "cudaDriverGetVersion")),
    )


def _library() -> Any:
    # Most machines have no such package, so the type checkers know nothing of it.
    try:
        from cuda.bindings import runtime  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise
    except Exception as error:  # whatever a library that was built for other versions may raise
        raise ImportError(f"{type(error).__name__}: {error}") from error

    return runtime


def _call(rt: Any, name: str, *arguments: object) -> Any:
    """Call *name* of the runtime API; return what it gives beside the error: nothing, one thing or a tuple."""
    code, *results = getattr(rt, name)(*arguments)
    if int(code) != 0:
        raise fault_named(name, str(code.name))
    return results[0] if len(results) == 1 else tuple(results)


def _check_present(rt: Any, ordinal: int) -> None:
    try:
        code, count = rt.cudaGetDeviceCount()
    except RuntimeError as error:  # up to 12.8 that is how a library of the driver is missed, or a call in it
        if "libcuda" in str(error) or "nvcuda" in str(error):
            raise no_driver(BACKEND) from error
        raise driver_failed(CudaFault("cudaGetDeviceCount", str(error))) from error
    if code.name in {"cudaErrorInsufficientDriver", "cudaErrorStubLibrary"}:
        known = int(_call(rt, "cudaDriverGetVersion"))
        raise driver_too_old(known, int(_call(rt, "cudaRuntimeGetVersion"))) if known else no_driver(BACKEND)
    if code.name == NO_DEVICE or (int(code) == 0 and not 0 <= ordinal < count):
        raise no_gpu(ordinal, int(count or 0))
    if int(code) != 0:
        raise driver_failed(fault_named("cudaGetDeviceCount", str(code.name)))


class CudaBindingsDevice:
    """One GPU; used on the thread that opened it.

    Raises what `gpu_facts` raises, and CudaFault if the GPU takes no context.
    """

    backend = BACKEND

    def __init__(self, ordinal: int = 0) -> None:
        self.facts = gpu_facts(ordinal)
        self._rt = _library()
        self._run("cudaSetDevice", ordinal)
        self._ledger = Ledger(f"GPU {ordinal}")

    def _run(self, name: str, *arguments: object) -> Any:
        return _call(self._rt, name, *arguments)

    def memory(self) -> tuple[int, int]:
        """Return free and all memory, bytes."""
        self._ledger.check()
        free, total = self._run("cudaMemGetInfo")
        return int(free), int(total)

    def device_buffer(self, nbytes: int) -> GpuBuffer:
        """Allocate memory of the GPU."""
        self._ledger.check()
        check_size(nbytes)
        address = int(self._run("cudaMalloc", nbytes))
        return GpuBuffer(self._ledger, address, nbytes, lambda: self._run("cudaFree", address))

    def host_buffer(self, nbytes: int, *, mapped: bool = False) -> PinnedBuffer:
        """Allocate page-locked memory; *mapped* lets kernels work on it in place."""
        self._ledger.check()
        check_size(nbytes)
        flags = self._rt.cudaHostAllocMapped if mapped else self._rt.cudaHostAllocDefault
        address = int(self._run("cudaHostAlloc", nbytes, flags))
        try:
            device_address = int(self._run("cudaHostGetDevicePointer", address, 0)) if mapped else None
        except BaseException:
            self._rt.cudaFreeHost(address)
            raise
        array = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))
        return PinnedBuffer(self._ledger, array, device_address, lambda: self._run("cudaFreeHost", address))

    def stream(self) -> "_Stream":
        """Make a stream that does not wait for the default one."""
        self._ledger.check()
        return _Stream(self._rt, self._ledger, self._run("cudaStreamCreateWithFlags", self._rt.cudaStreamNonBlocking))

    def event(self) -> "_Event":
        """Make an event that keeps time."""
        self._ledger.check()
        return _Event(self._rt, self._ledger, self._run("cudaEventCreate"))

    def copy_to_device(self, target: DeviceBuffer, source: HostBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*. Raises ValueError if a buffer is smaller."""
        host, kind = source.array, self._rt.cudaMemcpyKind.cudaMemcpyHostToDevice
        check_copy(nbytes, target.nbytes, host.nbytes)
        self._run("cudaMemcpyAsync", target.address, host.ctypes.data, nbytes, kind, stream.handle)

    def copy_to_host(self, target: HostBuffer, source: DeviceBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*. Raises ValueError if a buffer is smaller."""
        host, kind = target.array, self._rt.cudaMemcpyKind.cudaMemcpyDeviceToHost
        check_copy(nbytes, host.nbytes, source.nbytes)
        self._run("cudaMemcpyAsync", host.ctypes.data, source.address, nbytes, kind, stream.handle)

    def capture(self, stream: Stream, work: Callable[[], None]) -> "_Graph":
        """Let *work* queue on *stream* without running, and return what it queued.

        Only calls of this thread are held against the rules of a capture; the capture ends even if *work* raises.
        """
        self._ledger.check()
        # Other threads may go on allocating meanwhile.
        mode = self._rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._run("cudaStreamBeginCapture", stream.handle, mode)
        try:
            work()
        except BaseException:
            _, abandoned = self._rt.cudaStreamEndCapture(stream.handle)
            if abandoned is not None:
                self._rt.cudaGraphDestroy(abandoned)
            raise
        return self._instantiated(self._run("cudaStreamEndCapture", stream.handle))

    def _instantiated(self, graph: Any) -> "_Graph":
        try:
            return _Graph(self._rt, self._ledger, self._run("cudaGraphInstantiate", graph, 0))
        finally:
            self._rt.cudaGraphDestroy(graph)

    def close(self) -> None:
        """Give back what is left, and refuse later use; the primary context stays, it belongs to the process."""
        self._ledger.close()


class _Stream:
    def __init__(self, rt: Any, ledger: Ledger, raw: Any) -> None:
        self._rt, self._handle = rt, int(raw)
        self._held = ledger.hold("a stream", lambda: _call(rt, "cudaStreamDestroy", raw))

    @property
    def handle(self) -> int:
        self._held.check()
        return self._handle

    def synchronize(self) -> None:
        _call(self._rt, "cudaStreamSynchronize", self.handle)

    def close(self) -> None:
        self._held.give_back()


class _Event:
    def __init__(self, rt: Any, ledger: Ledger, raw: Any) -> None:
        self._rt, self._raw = rt, raw
        self._held = ledger.hold("an event", lambda: _call(rt, "cudaEventDestroy", raw))

    def record(self, stream: Stream) -> None:
        self._held.check()
        _call(self._rt, "cudaEventRecord", self._raw, stream.handle)

    def synchronize(self) -> None:
        self._held.check()
        _call(self._rt, "cudaEventSynchronize", self._raw)

    def ms_since(self, earlier: Event) -> float:
        self._held.check()
        if not isinstance(earlier, _Event):
            raise TypeError(f"cannot compare an event of {BACKEND} with a {type(earlier).__name__}")
        earlier._held.check()
        return float(_call(self._rt, "cudaEventElapsedTime", earlier._raw, self._raw))

    def close(self) -> None:
        self._held.give_back()


class _Graph:
    def __init__(self, rt: Any, ledger: Ledger, raw: Any) -> None:
        self._rt, self._raw = rt, raw
        self._held = ledger.hold("a graph", lambda: _call(rt, "cudaGraphExecDestroy", raw))

    def launch(self, stream: Stream) -> None:
        self._held.check()
        _call(self._rt, "cudaGraphLaunch", self._raw, stream.handle)

    def close(self) -> None:
        self._held.give_back()
