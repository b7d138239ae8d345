"""A run is queued plainly once, captured next, and launched from then on, until the shape changes."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest

from skinseg_runtime.cuda_memory.device import CudaDevice, CudaFault, Stream
from skinseg_runtime.engines.tensorrt_api import ExecutionContext
from skinseg_runtime.engines.tensorrt_launch import Launcher, NotQueued

PLAIN, CAPTURE, LAUNCH, CLOSE = "plain", "capture", "launch", "close"


@dataclass
class FakeStream:
    handle: int = 7


@dataclass
class FakeContext:
    """A context that tells what is asked of it."""

    told: list[str]
    accepts: bool = True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 7
        self.told.append(PLAIN)
        return self.accepts


@dataclass
class FakeGraph:
    told: list[str]

    def launch(self, stream: FakeStream) -> None:
        self.told.append(LAUNCH)

    def close(self) -> None:
        self.told.append(CLOSE)


@dataclass
class FakeCuda:
    """A device that captures, or fails as *fault* says."""

    told: list[str]
    fault: CudaFault | None = None

    def capture(self, stream: FakeStream, work: Callable[[], None]) -> FakeGraph:
        self.told.append(CAPTURE)
        if self.fault is not None:
            raise self.fault
        work()
        assert self.told.pop() == PLAIN  # queued into the graph
        return FakeGraph(self.told)


def launcher_and_told(
    *, captures: bool = True, fault: CudaFault | None = None, accepts: bool = True
) -> tuple[Launcher, list[str]]:
    told: list[str] = []
    context = cast("ExecutionContext", FakeContext(told, accepts))
    cuda = cast("CudaDevice", FakeCuda(told, fault))
    return Launcher(context, cuda, cast("Stream", FakeStream()), captures=captures), told


def test_the_first_run_is_plain_the_second_is_captured_and_all_others_are_launched() -> None:
    launcher, told = launcher_and_told()
    for _ in range(4):
        launcher.run()
    assert told == [PLAIN, CAPTURE, LAUNCH, LAUNCH, LAUNCH]


def test_without_graphs_every_run_is_plain() -> None:
    launcher, told = launcher_and_told(captures=False)
    for _ in range(3):
        launcher.run()
    assert told == [PLAIN] * 3


def test_another_shape_begins_anew_and_drops_the_old_graph() -> None:
    launcher, told = launcher_and_told()
    for _ in range(2):
        launcher.run()
    launcher.forget()
    for _ in range(2):
        launcher.run()
    assert told == [PLAIN, CAPTURE, LAUNCH, CLOSE, PLAIN, CAPTURE, LAUNCH]


def test_a_capture_that_fails_is_tried_once_and_costs_no_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    launcher, told = launcher_and_told(fault=CudaFault("cudaStreamEndCapture", "cudaErrorStreamCaptureUnsupported"))
    for _ in range(3):
        launcher.run()
    assert told == [PLAIN, CAPTURE, PLAIN, PLAIN]
    assert "no CUDA graph could be captured (cudaStreamEndCapture failed with" in caplog.text


def test_a_sticky_error_while_capturing_is_not_hidden() -> None:
    fault = CudaFault("cudaStreamEndCapture", "cudaErrorIllegalAddress", is_sticky=True)
    launcher, _ = launcher_and_told(fault=fault)
    launcher.run()
    with pytest.raises(CudaFault, match="cudaErrorIllegalAddress"):
        launcher.run()


def test_a_run_that_tensorrt_refuses_is_an_error_at_once() -> None:
    launcher, told = launcher_and_told(accepts=False)
    for _ in range(2):
        with pytest.raises(NotQueued):
            launcher.run()
    assert told == [PLAIN, PLAIN]  # what was refused warmed nothing up


def test_a_closed_launcher_gives_its_graph_back_once() -> None:
    launcher, told = launcher_and_told()
    for _ in range(2):
        launcher.run()
    launcher.close()
    launcher.close()
    assert told[-2:] == [LAUNCH, CLOSE]


def test_a_launcher_whose_graph_cannot_be_given_back_holds_no_context_all_the_same() -> None:
    launcher, _ = launcher_and_told()
    for _ in range(2):
        launcher.run()
    context = weakref.ref(cast("FakeContext", launcher._context))

    def refuse() -> None:
        raise CudaFault("cudaGraphExecDestroy", "cudaErrorInvalidValue")

    cast("FakeGraph", launcher._graph).close = refuse  # type: ignore[method-assign]  # this graph alone
    with pytest.raises(CudaFault):
        launcher.close()
    assert context() is None
