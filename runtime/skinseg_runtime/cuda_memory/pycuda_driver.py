"""A GPU through pycuda: the driver API on the primary context, which TensorRT shares. Usual on a Jetson."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from skinseg_runtime.cuda_memory import driver_graphs
from skinseg_runtime.cuda_memory.absent import driver_failed, no_driver, no_gpu, version_text
from skinseg_runtime.cuda_memory.buffers import GpuBuffer, PinnedBuffer, check_copy, check_size
from skinseg_runtime.cuda_memory.device import DeviceBuffer, Event, GpuFacts, HostBuffer, Stream
from skinseg_runtime.cuda_memory.faults import NO_DEVICE, fault_from_words
from skinseg_runtime.cuda_memory.ledger import Ledger
from skinseg_runtime.cuda_memory.pycuda_stack import on_this_thread

__all__ = ["BACKEND", "PycudaDevice", "gpu_facts"]

BACKEND = "pycuda"

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING, which pycuda passes on and does not name


def gpu_facts(ordinal: int = 0) -> GpuFacts:
    """Tell what GPU it is, without a context on it.

    Raises ImportError if pycuda is missing, ToolMissing if there is no driver or no such GPU.
    """
    cuda = _library()
    with _faults(cuda):
        device = _present(cuda, ordinal)
        attributes = cuda.device_attribute
        return GpuFacts(
            name=str(device.name()),
            compute_capability=".".join(str(part) for part in device.compute_capability()),
            is_integrated=bool(device.get_attribute(attributes.INTEGRATED)),
            can_map_host=bool(device.get_attribute(attributes.CAN_MAP_HOST_MEMORY)),
            memory_bytes=int(device.total_memory()),
            cuda=".".join(str(part) for part in cuda.get_version()[:2]),
            driver=version_text(int(cuda.get_driver_version())),
        )


def _library() -> Any:
    try:
        # Most machines have no such package, so the type checkers know nothing of it.
        import pycuda.driver  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        if "libcuda." in str(error) or "nvcuda" in str(error):
            raise no_driver(BACKEND) from error
        raise
    except Exception as error:  # whatever a library that was built for other versions may raise
        raise ImportError(f"{type(error).__name__}: {error}") from error
    return pycuda.driver


@contextmanager
def _faults(cuda: Any) -> Iterator[None]:
    """Raise pycuda's errors as CudaFault."""
    try:
        yield
    except cuda.Error as error:
        raise fault_from_words(str(error)) from error


def _present(cuda: Any, ordinal: int) -> Any:
    """Return pycuda's device number *ordinal*."""
    try:
        cuda.init()
        count = int(cuda.Device.count())
    except cuda.Error as error:
        fault = fault_from_words(str(error))
        if fault.code == NO_DEVICE:
            raise no_gpu(ordinal, 0) from error
        raise driver_failed(fault) from error
    if not 0 <= ordinal < count:
        raise no_gpu(ordinal, count)
    return cuda.Device(ordinal)


class PycudaDevice:
    """One GPU; used on the thread that opened it, on whose stack of contexts it lies until it is closed.

    Raises what `gpu_facts` raises, and CudaFault if the GPU takes no context.
    """

    backend = BACKEND

    def __init__(self, ordinal: int = 0) -> None:
        self.facts = gpu_facts(ordinal)
        self._cuda = _library()
        with _faults(self._cuda):
            self._stacked = on_this_thread(self._cuda, ordinal)
        self._ledger = Ledger(f"GPU {ordinal}")

    def memory(self) -> tuple[int, int]:
        """Return free and all memory, bytes."""
        self._ledger.check()
        with _faults(self._cuda):
            free, total = self._cuda.mem_get_info()
        return int(free), int(total)

    def device_buffer(self, nbytes: int) -> GpuBuffer:
        """Allocate memory of the GPU."""
        self._ledger.check()
        check_size(nbytes)
        with _faults(self._cuda):
            memory = self._cuda.mem_alloc(nbytes)
        return GpuBuffer(self._ledger, int(memory), nbytes, self._freeing(memory))

    def host_buffer(self, nbytes: int, *, mapped: bool = False) -> PinnedBuffer:
        """Allocate page-locked memory; *mapped* lets kernels work on it in place."""
        self._ledger.check()
        check_size(nbytes)
        flags = self._cuda.host_alloc_flags.DEVICEMAP if mapped else 0
        with _faults(self._cuda):
            array = self._cuda.pagelocked_empty(nbytes, np.uint8, mem_flags=flags)
            device_address = int(array.base.get_device_pointer()) if mapped else None
        return PinnedBuffer(self._ledger, array, device_address, self._freeing(array.base))

    def _freeing(self, memory: Any) -> Callable[[], None]:
        def free() -> None:
            with _faults(self._cuda):
                memory.free()

        return free

    def stream(self) -> "_Stream":
        """Make a stream that does not wait for the default one."""
        self._ledger.check()
        with _faults(self._cuda):
            return _Stream(self._cuda, self._ledger, self._cuda.Stream(_NON_BLOCKING))

    def event(self) -> "_Event":
        """Make an event that keeps time."""
        self._ledger.check()
        with _faults(self._cuda):
            return _Event(self._cuda, self._ledger, self._cuda.Event())

    def copy_to_device(self, target: DeviceBuffer, source: HostBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*. Raises ValueError if a buffer is smaller."""
        check_copy(nbytes, target.nbytes, source.array.nbytes)
        with _faults(self._cuda):
            self._cuda.memcpy_htod_async(target.address, source.array[:nbytes], _raw_stream(stream))

    def copy_to_host(self, target: HostBuffer, source: DeviceBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*. Raises ValueError if a buffer is smaller."""
        check_copy(nbytes, target.array.nbytes, source.nbytes)
        with _faults(self._cuda):
            self._cuda.memcpy_dtoh_async(target.array[:nbytes], source.address, _raw_stream(stream))

    def capture(self, stream: Stream, work: Callable[[], None]) -> "_Graph":
        """Let *work* queue on *stream* without running, and return what it queued.

        Only calls of this thread are held against the rules of a capture; the capture ends even if *work* raises.
        """
        self._ledger.check()
        return _Graph(self._ledger, driver_graphs.captured(stream.handle, work))

    def close(self) -> None:
        """Give back what is left, take the context off this thread, and refuse later use."""
        if not self._ledger.is_open:
            return
        self._ledger.check()
        try:
            self._ledger.close()
        finally:
            self._stacked.leave()


class _Stream:
    def __init__(self, cuda: Any, ledger: Ledger, raw: Any) -> None:
        self._cuda = cuda
        self._raw: Any = raw
        self._held = ledger.hold("a stream", self._drop)

    @property
    def handle(self) -> int:
        self._held.check()
        return int(self._raw.handle)

    @property
    def raw(self) -> Any:
        self._held.check()
        return self._raw

    def synchronize(self) -> None:
        with _faults(self._cuda):
            self.raw.synchronize()

    def close(self) -> None:
        self._held.give_back()

    def _drop(self) -> None:
        self._raw = None  # pycuda destroys it with the last reference


def _raw_stream(stream: Stream) -> Any:
    if not isinstance(stream, _Stream):
        raise TypeError(f"cannot queue on a {type(stream).__name__}: {BACKEND} queues on its own streams")
    return stream.raw


class _Event:
    def __init__(self, cuda: Any, ledger: Ledger, raw: Any) -> None:
        self._cuda = cuda
        self._raw: Any = raw
        self._held = ledger.hold("an event", self._drop)

    @property
    def raw(self) -> Any:
        self._held.check()
        return self._raw

    def record(self, stream: Stream) -> None:
        with _faults(self._cuda):
            self.raw.record(_raw_stream(stream))

    def synchronize(self) -> None:
        with _faults(self._cuda):
            self.raw.synchronize()

    def ms_since(self, earlier: Event) -> float:
        if not isinstance(earlier, _Event):
            raise TypeError(f"cannot compare an event of {BACKEND} with a {type(earlier).__name__}")
        with _faults(self._cuda):
            return float(self.raw.time_since(earlier.raw))

    def close(self) -> None:
        self._held.give_back()

    def _drop(self) -> None:
        self._raw = None  # pycuda destroys it with the last reference


class _Graph:
    def __init__(self, ledger: Ledger, handle: int) -> None:
        self._graph = handle
        self._held = ledger.hold("a graph", lambda: driver_graphs.destroy(handle))

    def launch(self, stream: Stream) -> None:
        self._held.check()
        driver_graphs.launch(self._graph, stream.handle)

    def close(self) -> None:
        self._held.give_back()
