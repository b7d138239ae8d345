"""What a GPU is to this project: anything with these shapes. The back ends beside this file have them.

A device and all that it made belong to the thread that opened it. Addresses are plain integers, sizes are bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CudaDevice", "CudaFault", "DeviceBuffer", "Event", "GpuFacts", "Graph", "HostBuffer", "Stream"]


@dataclass(frozen=True, kw_only=True)
class GpuFacts:
    """What can be told of a GPU without a context on it.

    *name*: as its maker calls it. *compute_capability*: such as "8.7". *is_integrated*: it shares the board's memory,
    as on a Jetson. *can_map_host*: it can work on host memory. *memory_bytes*: all of it. *cuda*, *driver*: versions
    such as "12.6" of the runtime library and of the newest runtime that the driver knows.
    """

    name: str
    compute_capability: str
    is_integrated: bool
    can_map_host: bool
    memory_bytes: int
    cuda: str
    driver: str


class CudaFault(Exception):
    """A CUDA call failed: *call* is its name, *code* CUDA's name of the error, such as "cudaErrorMemoryAllocation".

    *is_sticky*: every later call of this process would fail as well. Stays below the engines, which raise errors of
    this project in its place.
    """

    def __init__(self, call: str, code: str, *, is_sticky: bool = False) -> None:
        super().__init__(f"{call} failed with {code}")
        self.call = call
        self.code = code
        self.is_sticky = is_sticky


class DeviceBuffer(Protocol):
    """Memory of the GPU."""

    @property
    def address(self) -> int:
        """Where it begins, for kernels."""
        ...

    @property
    def nbytes(self) -> int:
        """How large it is."""
        ...

    def free(self) -> None:
        """Give it back; a second call does nothing."""
        ...


class HostBuffer(Protocol):
    """Page-locked memory of the host, from which copies run beside other work."""

    @property
    def array(self) -> NDArray[np.uint8]:
        """The memory itself, (nbytes,) uint8; must not be used once freed."""
        ...

    @property
    def device_address(self) -> int | None:
        """Where kernels find the same bytes if the buffer was made with *mapped*, else None."""
        ...

    def free(self) -> None:
        """Give it back; a second call does nothing."""
        ...


class Stream(Protocol):
    """A queue of work on the GPU, never the default one."""

    @property
    def handle(self) -> int:
        """The `cudaStream_t`, as TensorRT takes it."""
        ...

    def synchronize(self) -> None:
        """Wait until all of its work is done."""
        ...

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        ...


class Event(Protocol):
    """A mark in a stream."""

    def record(self, stream: Stream) -> None:
        """Put the mark behind what the stream holds by now."""
        ...

    def synchronize(self) -> None:
        """Wait until the stream has come to the mark."""
        ...

    def ms_since(self, earlier: "Event") -> float:
        """Return the milliseconds between two marks that the stream has passed."""
        ...

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        ...


class Graph(Protocol):
    """Work that was captured once and is launched as a whole."""

    def launch(self, stream: Stream) -> None:
        """Queue all of it."""
        ...

    def close(self) -> None:
        """Give it back; a second call does nothing."""
        ...


class CudaDevice(Protocol):
    """One GPU with a context on it. Every method may raise CudaFault."""

    @property
    def backend(self) -> str:
        """Which library speaks CUDA: "pycuda" or "cuda.bindings"."""
        ...

    @property
    def facts(self) -> GpuFacts:
        """What GPU it is."""
        ...

    def memory(self) -> tuple[int, int]:
        """Return free and all memory, bytes."""
        ...

    def device_buffer(self, nbytes: int) -> DeviceBuffer:
        """Allocate memory of the GPU."""
        ...

    def host_buffer(self, nbytes: int, *, mapped: bool = False) -> HostBuffer:
        """Allocate page-locked memory; *mapped* lets kernels work on it in place."""
        ...

    def stream(self) -> Stream:
        """Make a stream."""
        ...

    def event(self) -> Event:
        """Make an event that keeps time."""
        ...

    def copy_to_device(self, target: DeviceBuffer, source: HostBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*."""
        ...

    def copy_to_host(self, target: HostBuffer, source: DeviceBuffer, nbytes: int, stream: Stream) -> None:
        """Queue a copy of the first *nbytes*."""
        ...

    def capture(self, stream: Stream, work: Callable[[], None]) -> Graph:
        """Let *work* queue on *stream* without running, and return what it queued.

        The capture ends even if *work* raises.
        """
        ...

    def close(self) -> None:
        """Let the context go; buffers, streams, events and graphs must be gone by then. A second call does nothing."""
        ...
