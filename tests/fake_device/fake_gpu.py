"""The one fake GPU of a process: memory, streams, events, graphs and faults, with the rules that CUDA has.

Work waits in its stream until somebody synchronizes: who forgets that finds nothing written. Time is a count of what
ran, never a measurement.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fake_device.fake_memory import Memory, bytes_at
from tests.fake_device.settings import Settings, settings_from

__all__ = ["Event", "FakeGpu", "GpuError", "Graph", "Stream", "gpu", "reset"]

STICKY = frozenset(
    {
        "cudaErrorIllegalAddress",
        "cudaErrorLaunchFailure",
        "cudaErrorLaunchTimeout",
        "cudaErrorECCUncorrectable",
        "cudaErrorHardwareStackError",
        "cudaErrorIllegalInstruction",
        "cudaErrorMisalignedAddress",
        "cudaErrorInvalidAddressSpace",
        "cudaErrorInvalidPc",
        "cudaErrorAssert",
        "cudaErrorNvlinkUncorrectable",
        "cudaErrorContained",
        "cudaErrorExternalDevice",
        "cudaErrorTensorMemoryLeak",
        "cudaErrorUnknown",
        "cudaErrorContextIsDestroyed",
    }
)
COPY_MS, RUN_MS = 0.25, 1.0


class GpuError(Exception):
    """*code*: CUDA's name of the error, such as "cudaErrorInvalidValue"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class Stream:
    handle: int
    queue: list[Callable[[], None]] = field(default_factory=list)
    captured: list[Callable[[], None]] | None = None
    capture_is_valid: bool = True
    is_open: bool = True


@dataclass(eq=False)
class Event:
    handle: int
    stream: Stream | None = None
    passed_at: float | None = None
    is_open: bool = True


@dataclass(eq=False)
class Graph:
    handle: int
    work: tuple[Callable[[], None], ...]
    is_open: bool = True


class FakeGpu:
    """What a GPU does and holds, for tests to look at.

    *counts*: "allocations", "frees", "copies", "pageable copies", "launches" (of graphs), "enqueues" (of engines),
    "runs" (of engines, in graphs too), "captures", "compiled" (by TensorRT-RTX). *threads*: the threads that called.
    *context_depth*: how many contexts lie on the driver's stack of a thread. *internal_bytes*: what TensorRT holds.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.memory = Memory()
        self.counts: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.threads: set[int] = set()
        self.clock_ms = 0.0
        self.internal_bytes = 0
        self.context_depth: Counter[int] = Counter()
        self.fault = dict(settings.fault)
        self._failed = 0
        self._lost: str | None = None
        self._process: int | None = None
        self._streams: dict[int, Stream] = {}
        self._events: dict[int, Event] = {}
        self._graphs: dict[int, Graph] = {}
        self._next_handle = 0x5000
        self._change = threading.RLock()

    # -- what tests look at

    @property
    def live_bytes(self) -> int:
        """What callers allocated and did not free, of the GPU and page-locked."""
        return self.memory.live_bytes()

    @property
    def live_handles(self) -> int:
        """Streams, events and graphs that nobody gave back."""
        return len(self._streams) + len(self._events) + len(self._graphs)

    # -- every call begins here

    def enter(self, call: str, *, needs_context: bool = True) -> None:
        """Raise what CUDA would give before it looks at the arguments."""
        with self._change:
            self.calls[call] += 1
            self.threads.add(threading.get_ident())
            if self.settings.driver == 0:
                raise GpuError("cudaErrorInsufficientDriver")
            if self.settings.driver // 1000 < self.settings.cuda // 1000:
                raise GpuError("cudaErrorInsufficientDriver")
            if self.settings.devices == 0:
                raise GpuError("cudaErrorNoDevice")
            if needs_context:
                self._check_process()
            if self._lost is not None:
                raise GpuError(self._lost)
            self._fail_if_set(call)

    def _check_process(self) -> None:
        self._process = self._process or os.getpid()
        if self._process != os.getpid():  # a context does not survive a fork
            raise GpuError("cudaErrorInitializationError")

    def _fail_if_set(self, call: str) -> None:
        fault = self.fault
        if fault.get("call") != call or self.calls[call] <= fault.get("after", 0):
            return
        self._failed += 1
        if self._failed > fault.get("times", 1 << 30):
            return
        self.fail(str(fault["code"]))

    def fail(self, code: str) -> None:
        """Raise *code*, and for ever if it is sticky."""
        if code in STICKY:
            self._lost = code
        raise GpuError(code)

    # -- memory

    def allocate(self, nbytes: int, kind: str) -> int:
        with self._change:
            self._forbid_in_capture()
            if nbytes <= 0:
                raise GpuError("cudaErrorInvalidValue")
            if nbytes > self.free_bytes():
                raise GpuError("cudaErrorMemoryAllocation")
            self.counts["allocations"] += 1
            return self.memory.allocate(nbytes, kind).address

    def free(self, address: int, *, host: bool) -> None:
        with self._change:
            self._forbid_in_capture()
            self.run_all()  # freeing waits for the GPU
            if not self.memory.free(address, host=host):
                raise GpuError("cudaErrorInvalidValue")
            self.counts["frees"] += 1

    def free_bytes(self) -> int:
        taken = self.memory.live_bytes(None if self.settings.integrated else "device") + self.internal_bytes
        free = self.settings.memory if self.settings.free is None else self.settings.free
        return max(free - taken, 0)

    def device_pointer(self, address: int) -> int:
        found = self.memory.holding(address, 1)
        if found is None or found.kind != "mapped" or not self.settings.can_map_host:
            raise GpuError("cudaErrorInvalidValue")
        return address

    def usable_by_kernels(self, address: int, nbytes: int) -> bool:
        found = self.memory.holding(address, nbytes)
        return found is not None and (found.kind == "device" or (found.kind == "mapped" and self.settings.can_map_host))

    # -- copies

    def copy(self, target: int, source: int, nbytes: int, stream: Stream, *, to_device: bool) -> None:
        with self._change:
            device, host = (target, source) if to_device else (source, target)
            found = self.memory.holding(device, nbytes)
            if found is None or found.kind != "device":
                raise GpuError("cudaErrorInvalidValue")
            is_pinned = self.memory.holding(host, nbytes) is not None
            if not is_pinned and self.memory.is_known(host):
                raise GpuError("cudaErrorInvalidValue")
            self.counts["copies" if is_pinned else "pageable copies"] += 1
            self.enqueue(stream, lambda: self._move(target, source, nbytes, device))
            if not is_pinned:  # such copies do not run beside the host
                self._forbid_in_capture()
                self.run(stream)

    def _move(self, target: int, source: int, nbytes: int, device: int) -> None:
        if self.memory.holding(device, nbytes) is None:
            self.fail("cudaErrorIllegalAddress")
        self.clock_ms += COPY_MS
        bytes_at(target, nbytes)[:] = bytes_at(source, nbytes)

    # -- streams

    def new_stream(self) -> Stream:
        with self._change:
            made = Stream(self._handle())
            self._streams[made.handle] = made
            return made

    def stream(self, handle: int) -> Stream:
        found = self._streams.get(handle)
        if found is None:
            raise GpuError("cudaErrorInvalidResourceHandle")
        return found

    def close_stream(self, handle: int) -> None:
        with self._change:
            stream = self.stream(handle)
            self.run(stream)
            stream.is_open = False
            del self._streams[handle]

    def enqueue(self, stream: Stream, work: Callable[[], None]) -> None:
        with self._change:
            if stream.captured is not None:
                stream.captured.append(work)
            else:
                stream.queue.append(work)

    def synchronize(self, stream: Stream) -> None:
        with self._change:
            if stream.captured is not None:
                stream.capture_is_valid = False
                raise GpuError("cudaErrorStreamCaptureUnsupported")
            self.run(stream)

    def run(self, stream: Stream) -> None:
        with self._change:
            work, stream.queue = stream.queue, []
            for step in work:
                step()

    def run_all(self) -> None:
        for stream in list(self._streams.values()):
            self.run(stream)

    # -- events

    def new_event(self) -> Event:
        with self._change:
            made = Event(self._handle())
            self._events[made.handle] = made
            return made

    def event(self, handle: int) -> Event:
        found = self._events.get(handle)
        if found is None:
            raise GpuError("cudaErrorInvalidResourceHandle")
        return found

    def close_event(self, handle: int) -> None:
        self.event(handle).is_open = False
        del self._events[handle]

    def record(self, event: Event, stream: Stream) -> None:
        with self._change:
            event.passed_at = None
            event.stream = None if stream.captured is not None else stream
            self.enqueue(stream, lambda: setattr(event, "passed_at", self.clock_ms))

    def wait_for(self, event: Event) -> None:
        if event.stream is not None and event.passed_at is None:
            self.run(event.stream)

    def ms_between(self, start: Event, end: Event) -> float:
        if start.stream is None or end.stream is None:
            raise GpuError("cudaErrorInvalidResourceHandle")
        if start.passed_at is None or end.passed_at is None:
            raise GpuError("cudaErrorNotReady")
        return end.passed_at - start.passed_at

    # -- graphs

    def begin_capture(self, stream: Stream) -> None:
        with self._change:
            if stream.captured is not None:
                raise GpuError("cudaErrorIllegalState")
            stream.captured, stream.capture_is_valid = [], not self.settings.capture_fails

    def end_capture(self, stream: Stream) -> Graph:
        with self._change:
            if stream.captured is None:
                raise GpuError("cudaErrorIllegalState")
            work, stream.captured = tuple(stream.captured), None
            if not stream.capture_is_valid:
                raise GpuError("cudaErrorStreamCaptureInvalidated")
            self.counts["captures"] += 1
            return self.new_graph(work)

    def new_graph(self, work: tuple[Callable[[], None], ...]) -> Graph:
        made = Graph(self._handle(), work)
        self._graphs[made.handle] = made
        return made

    def graph(self, handle: int) -> Graph:
        found = self._graphs.get(handle)
        if found is None:
            raise GpuError("cudaErrorInvalidResourceHandle")
        return found

    def close_graph(self, handle: int) -> None:
        self.graph(handle).is_open = False
        del self._graphs[handle]

    def launch(self, graph: Graph, stream: Stream) -> None:
        with self._change:
            self.counts["launches"] += 1
            for step in graph.work:
                self.enqueue(stream, step)

    def _forbid_in_capture(self) -> None:
        capturing = [stream for stream in self._streams.values() if stream.captured is not None]
        for stream in capturing:
            stream.capture_is_valid = False
        if capturing:
            raise GpuError("cudaErrorStreamCaptureUnsupported")

    def _handle(self) -> int:
        self._next_handle += 0x10
        return self._next_handle


_gpu: FakeGpu | None = None


def gpu() -> FakeGpu:
    """Return the GPU of this process, made by FAKE_DEVICE on the first call."""
    global _gpu
    if _gpu is None:
        _gpu = FakeGpu(settings_from())
    return _gpu


def reset(settings: Settings | None = None) -> FakeGpu:
    """Begin anew."""
    global _gpu
    _gpu = None if settings is None else FakeGpu(settings)
    return gpu()
