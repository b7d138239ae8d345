"""Stands in for `cuda.bindings.runtime` over the fake GPU: every call gives a tuple that begins with its error."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, SupportsInt

from tests.fake_device.error_words import CODES, WORDS
from tests.fake_device.fake_gpu import FakeGpu, GpuError, gpu

# all names are NVIDIA's

cudaHostAllocDefault, cudaHostAllocPortable, cudaHostAllocMapped = 0, 1, 2
cudaStreamDefault, cudaStreamNonBlocking = 0, 1
cudaEventDefault, cudaEventBlockingSync, cudaEventDisableTiming = 0, 1, 2

_enum_of: Any = IntEnum  # an enumeration that is made of a table, which type checkers cannot follow
cudaError_t: Any = _enum_of("cudaError_t", CODES)


class cudaMemcpyKind(IntEnum):
    cudaMemcpyHostToHost = 0
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2
    cudaMemcpyDeviceToDevice = 3
    cudaMemcpyDefault = 4


class cudaStreamCaptureMode(IntEnum):
    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1
    cudaStreamCaptureModeRelaxed = 2


class cudaStreamCaptureStatus(IntEnum):
    cudaStreamCaptureStatusNone = 0
    cudaStreamCaptureStatusActive = 1
    cudaStreamCaptureStatusInvalidated = 2


class cudaDeviceAttr(IntEnum):
    cudaDevAttrIntegrated = 18
    cudaDevAttrCanMapHostMemory = 19
    cudaDevAttrUnifiedAddressing = 41
    cudaDevAttrComputeCapabilityMajor = 75
    cudaDevAttrComputeCapabilityMinor = 76


class _Handle:
    def __init__(self, value: int = 0) -> None:
        self._value = value

    def __int__(self) -> int:
        return self._value

    def getPtr(self) -> int:
        return id(self)


class cudaStream_t(_Handle):
    pass


class cudaEvent_t(_Handle):
    pass


class cudaGraph_t(_Handle):
    pass


class cudaGraphExec_t(_Handle):
    pass


class cudaDeviceProp:
    def __init__(self) -> None:
        settings = gpu().settings
        self.name = settings.gpu.encode()
        self.totalGlobalMem = settings.memory
        self.major, self.minor = settings.compute_capability
        self.integrated = int(settings.integrated)
        self.canMapHostMemory = int(settings.can_map_host)


def _call(
    name: str, work: Callable[[FakeGpu], Any] | None = None, *, results: int = 0, needs_context: bool = True
) -> tuple[Any, ...]:
    if gpu().settings.old_bindings and gpu().settings.driver == 0:
        raise RuntimeError("Failed to dlopen libcuda.so.1")
    try:
        gpu().enter(name, needs_context=needs_context)
        given: Any = work(gpu()) if work else None
    except GpuError as error:
        return (cudaError_t[error.code], *[None] * results)
    if results == 0:
        return (cudaError_t.cudaSuccess,)
    return (cudaError_t.cudaSuccess, *(given if results > 1 else (given,)))


def cudaGetErrorName(error: Any) -> tuple[Any, bytes]:
    return cudaError_t.cudaSuccess, cudaError_t(error).name.encode()


def cudaGetErrorString(error: Any) -> tuple[Any, bytes]:
    return cudaError_t.cudaSuccess, WORDS[cudaError_t(error).name].encode()


def cudaRuntimeGetVersion() -> tuple[Any, int]:
    return cudaError_t.cudaSuccess, gpu().settings.cuda


def cudaDriverGetVersion() -> tuple[Any, int]:
    return cudaError_t.cudaSuccess, gpu().settings.driver


def cudaGetDeviceCount() -> tuple[Any, ...]:
    return _call("cudaGetDeviceCount", lambda g: g.settings.devices, results=1, needs_context=False)


def cudaGetDeviceProperties(device: int) -> tuple[Any, ...]:
    return _call("cudaGetDeviceProperties", lambda _: _on(device, cudaDeviceProp), results=1, needs_context=False)


def cudaDeviceGetAttribute(attr: cudaDeviceAttr, device: int) -> tuple[Any, ...]:
    _typed(attr, cudaDeviceAttr)
    settings = gpu().settings
    values = {
        cudaDeviceAttr.cudaDevAttrIntegrated: int(settings.integrated),
        cudaDeviceAttr.cudaDevAttrCanMapHostMemory: int(settings.can_map_host),
        cudaDeviceAttr.cudaDevAttrUnifiedAddressing: 1,
        cudaDeviceAttr.cudaDevAttrComputeCapabilityMajor: settings.compute_capability[0],
        cudaDeviceAttr.cudaDevAttrComputeCapabilityMinor: settings.compute_capability[1],
    }
    return _call("cudaDeviceGetAttribute", lambda _: _on(device, lambda: values[attr]), results=1, needs_context=False)


def cudaSetDevice(device: int) -> tuple[Any, ...]:
    return _call("cudaSetDevice", lambda _: _on(device, lambda: None))


def cudaGetDevice() -> tuple[Any, ...]:
    return _call("cudaGetDevice", lambda _: 0, results=1)


def cudaDeviceSynchronize() -> tuple[Any, ...]:
    return _call("cudaDeviceSynchronize", lambda g: g.run_all())


def cudaGetLastError() -> tuple[Any, ...]:
    return _call("cudaGetLastError")


def cudaMemGetInfo() -> tuple[Any, ...]:
    return _call("cudaMemGetInfo", lambda g: (g.free_bytes(), g.settings.memory), results=2)


def cudaMalloc(size: int) -> tuple[Any, ...]:
    return _call("cudaMalloc", lambda g: g.allocate(size, "device"), results=1)


def cudaFree(devPtr: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaFree", lambda g: g.free(int(devPtr), host=False))


def cudaHostAlloc(size: int, flags: int) -> tuple[Any, ...]:
    kind = "mapped" if flags & cudaHostAllocMapped else "pinned"
    return _call("cudaHostAlloc", lambda g: g.allocate(size, kind), results=1)


def cudaMallocHost(size: int) -> tuple[Any, ...]:
    return _call("cudaMallocHost", lambda g: g.allocate(size, "pinned"), results=1)


def cudaFreeHost(ptr: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaFreeHost", lambda g: g.free(int(ptr), host=True))


def cudaHostGetDevicePointer(pHost: SupportsInt, flags: int) -> tuple[Any, ...]:
    return _call("cudaHostGetDevicePointer", lambda g: g.device_pointer(int(pHost)), results=1)


def cudaMemcpyAsync(
    dst: SupportsInt, src: SupportsInt, count: int, kind: cudaMemcpyKind, stream: SupportsInt
) -> tuple[Any, ...]:
    _typed(kind, cudaMemcpyKind)
    ways = {cudaMemcpyKind.cudaMemcpyHostToDevice: True, cudaMemcpyKind.cudaMemcpyDeviceToHost: False}

    def work(g: FakeGpu) -> None:
        g.copy(int(dst), int(src), count, g.stream(int(stream)), to_device=ways[kind])

    return _call("cudaMemcpyAsync", work)


def cudaStreamCreateWithFlags(flags: int) -> tuple[Any, ...]:
    return _call("cudaStreamCreateWithFlags", lambda g: cudaStream_t(g.new_stream().handle), results=1)


def cudaStreamCreate() -> tuple[Any, ...]:
    return _call("cudaStreamCreate", lambda g: cudaStream_t(g.new_stream().handle), results=1)


def cudaStreamSynchronize(stream: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaStreamSynchronize", lambda g: g.synchronize(g.stream(int(stream))))


def cudaStreamDestroy(stream: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaStreamDestroy", lambda g: g.close_stream(int(stream)))


def cudaEventCreate() -> tuple[Any, ...]:
    return _call("cudaEventCreate", lambda g: cudaEvent_t(g.new_event().handle), results=1)


def cudaEventCreateWithFlags(flags: int) -> tuple[Any, ...]:
    return _call("cudaEventCreateWithFlags", lambda g: cudaEvent_t(g.new_event().handle), results=1)


def cudaEventRecord(event: SupportsInt, stream: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaEventRecord", lambda g: g.record(g.event(int(event)), g.stream(int(stream))))


def cudaEventSynchronize(event: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaEventSynchronize", lambda g: g.wait_for(g.event(int(event))))


def cudaEventElapsedTime(start: SupportsInt, end: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaEventElapsedTime", lambda g: g.ms_between(g.event(int(start)), g.event(int(end))), results=1)


def cudaEventDestroy(event: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaEventDestroy", lambda g: g.close_event(int(event)))


def cudaStreamBeginCapture(stream: SupportsInt, mode: cudaStreamCaptureMode) -> tuple[Any, ...]:
    _typed(mode, cudaStreamCaptureMode)
    return _call("cudaStreamBeginCapture", lambda g: g.begin_capture(g.stream(int(stream))))


def cudaStreamEndCapture(stream: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaStreamEndCapture", lambda g: cudaGraph_t(g.end_capture(g.stream(int(stream))).handle), results=1)


def cudaStreamIsCapturing(stream: SupportsInt) -> tuple[Any, ...]:
    def work(g: FakeGpu) -> cudaStreamCaptureStatus:
        found = g.stream(int(stream))
        if found.captured is None:
            return cudaStreamCaptureStatus.cudaStreamCaptureStatusNone
        return cudaStreamCaptureStatus(1 if found.capture_is_valid else 2)

    return _call("cudaStreamIsCapturing", work, results=1)


def cudaGraphInstantiate(graph: SupportsInt, flags: int) -> tuple[Any, ...]:
    return _call(
        "cudaGraphInstantiate", lambda g: cudaGraphExec_t(g.new_graph(g.graph(int(graph)).work).handle), results=1
    )


def cudaGraphLaunch(graphExec: SupportsInt, stream: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaGraphLaunch", lambda g: g.launch(g.graph(int(graphExec)), g.stream(int(stream))))


def cudaGraphDestroy(graph: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaGraphDestroy", lambda g: g.close_graph(int(graph)))


def cudaGraphExecDestroy(graphExec: SupportsInt) -> tuple[Any, ...]:
    return _call("cudaGraphExecDestroy", lambda g: g.close_graph(int(graphExec)))


def _on(device: int, work: Callable[[], Any]) -> Any:
    if not 0 <= device < gpu().settings.devices:
        raise GpuError("cudaErrorInvalidDevice")
    return work()


def _typed(value: object, kind: type) -> None:
    if not isinstance(value, kind):  # the real ones are as strict
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
