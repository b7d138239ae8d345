"""The fakes hold the rules of the true things: what is wrong on a GPU is wrong here, with the same error."""

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from tests.fake_device.fake_memory import bytes_at
from tests.fake_device.installing import FakeDevice


class _Cuda:
    """The fake runtime API; calls that fail raise with CUDA's name of the error."""

    def __init__(self, fake_device: FakeDevice) -> None:
        fake_device.module("cuda.bindings.runtime")
        self.rt = sys.modules["cuda.bindings.runtime"]

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> Any:
            code, *results = getattr(self.rt, name)(*arguments)
            if code != 0:
                raise RuntimeError(code.name)
            return results[0] if results else None

        return call

    def to_device(self, target: int, source: int, nbytes: int, stream: Any) -> None:
        self.cudaMemcpyAsync(target, source, nbytes, self.rt.cudaMemcpyKind.cudaMemcpyHostToDevice, stream)


@pytest.fixture
def cuda(fake_device: FakeDevice) -> _Cuda:
    return _Cuda(fake_device)


def test_a_copy_is_not_there_before_its_stream_is_waited_for(cuda: _Cuda) -> None:
    stream, host, device = cuda.cudaStreamCreateWithFlags(1), cuda.cudaHostAlloc(4, 0), cuda.cudaMalloc(4)
    bytes_at(host, 4)[:] = [1, 2, 3, 4]
    cuda.to_device(device, host, 4, stream)
    assert bytes_at(device, 4).tolist() != [1, 2, 3, 4]
    cuda.cudaStreamSynchronize(stream)
    assert bytes_at(device, 4).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("nbytes", [5, 1 << 20])
def test_a_copy_beyond_the_end_is_an_invalid_value(cuda: _Cuda, nbytes: int) -> None:
    stream, host, device = cuda.cudaStreamCreateWithFlags(1), cuda.cudaHostAlloc(2 << 20, 0), cuda.cudaMalloc(4)
    with pytest.raises(RuntimeError, match="cudaErrorInvalidValue"):
        cuda.to_device(device, host, nbytes, stream)


def test_memory_is_freed_once(cuda: _Cuda) -> None:
    device = cuda.cudaMalloc(4)
    cuda.cudaFree(device)
    with pytest.raises(RuntimeError, match="cudaErrorInvalidValue"):
        cuda.cudaFree(device)


def test_host_memory_is_not_freed_as_device_memory(cuda: _Cuda) -> None:
    host = cuda.cudaHostAlloc(4, 0)
    with pytest.raises(RuntimeError, match="cudaErrorInvalidValue"):
        cuda.cudaFree(host)


def test_freed_memory_takes_no_copy(cuda: _Cuda) -> None:
    stream, host, device = cuda.cudaStreamCreateWithFlags(1), cuda.cudaHostAlloc(4, 0), cuda.cudaMalloc(4)
    cuda.cudaFree(device)
    with pytest.raises(RuntimeError, match="cudaErrorInvalidValue"):
        cuda.to_device(device, host, 4, stream)


def test_a_closed_stream_takes_no_work(cuda: _Cuda) -> None:
    stream = cuda.cudaStreamCreateWithFlags(1)
    cuda.cudaStreamDestroy(stream)
    with pytest.raises(RuntimeError, match="cudaErrorInvalidResourceHandle"):
        cuda.cudaStreamSynchronize(stream)


def test_memory_runs_out(cuda: _Cuda, fake_device: FakeDevice) -> None:
    fake_device.use(free=1000)
    with pytest.raises(RuntimeError, match="cudaErrorMemoryAllocation"):
        cuda.cudaMalloc(1001)


def test_pinned_memory_has_a_device_pointer_only_where_it_was_asked_for(cuda: _Cuda) -> None:
    with pytest.raises(RuntimeError, match="cudaErrorInvalidValue"):
        cuda.cudaHostGetDevicePointer(cuda.cudaHostAlloc(4, 0), 0)
    assert cuda.cudaHostGetDevicePointer(cuda.cudaHostAlloc(4, 2), 0) != 0


def test_an_event_that_no_stream_has_passed_keeps_no_time(cuda: _Cuda) -> None:
    stream, start, end = cuda.cudaStreamCreateWithFlags(1), cuda.cudaEventCreate(), cuda.cudaEventCreate()
    cuda.cudaEventRecord(start, stream)
    cuda.cudaEventRecord(end, stream)
    with pytest.raises(RuntimeError, match="cudaErrorNotReady"):
        cuda.cudaEventElapsedTime(start, end)


def test_a_graph_copies_again_from_the_same_place(cuda: _Cuda) -> None:
    stream, host, device = cuda.cudaStreamCreateWithFlags(1), cuda.cudaHostAlloc(1, 0), cuda.cudaMalloc(1)
    cuda.cudaStreamBeginCapture(stream, cuda.rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
    cuda.to_device(device, host, 1, stream)
    graph = cuda.cudaGraphInstantiate(cuda.cudaStreamEndCapture(stream), 0)
    for value in (7, 8):
        bytes_at(host, 1)[:] = value
        cuda.cudaGraphLaunch(graph, stream)
        cuda.cudaStreamSynchronize(stream)
        assert bytes_at(device, 1).tolist() == [value]


def test_waiting_for_a_stream_spoils_its_capture(cuda: _Cuda) -> None:
    stream = cuda.cudaStreamCreateWithFlags(1)
    cuda.cudaStreamBeginCapture(stream, cuda.rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
    with pytest.raises(RuntimeError, match="cudaErrorStreamCaptureUnsupported"):
        cuda.cudaStreamSynchronize(stream)
    with pytest.raises(RuntimeError, match="cudaErrorStreamCaptureInvalidated"):
        cuda.cudaStreamEndCapture(stream)


@pytest.mark.parametrize(("code", "is_sticky"), [("cudaErrorIllegalAddress", True), ("cudaErrorInvalidValue", False)])
def test_only_a_sticky_error_is_that_of_every_later_call(
    cuda: _Cuda, fake_device: FakeDevice, code: str, is_sticky: bool
) -> None:
    fake_device.use(fault={"call": "cudaMalloc", "after": 1, "code": code, "times": 1})
    cuda.cudaMalloc(4)
    with pytest.raises(RuntimeError, match=code):
        cuda.cudaMalloc(4)
    if is_sticky:
        with pytest.raises(RuntimeError, match=code):
            cuda.cudaMemGetInfo()
    else:
        cuda.cudaMalloc(4)


def test_pycuda_needs_its_context_on_the_thread(fake_device: FakeDevice) -> None:
    driver = fake_device.module("pycuda.driver")
    driver.init()
    context = driver.Device(0).retain_primary_context()
    with pytest.raises(driver.LogicError, match="cuMemAlloc failed: invalid device context"):
        driver.mem_alloc(4)
    context.push()
    held = driver.mem_alloc(4)
    faults: list[str] = []

    def on_another_thread() -> None:
        try:
            held.free()
        except driver.Error as error:
            faults.append(str(error))

    other = threading.Thread(target=on_another_thread)
    other.start()
    other.join()
    assert faults == ["cuMemFree failed: invalid device context - cannot activate out-of-thread context"]
    driver.Context.pop()


def test_only_the_first_logger_hears_tensorrt(fake_device: FakeDevice) -> None:
    trt = fake_device.module("tensorrt")
    heard: list[list[str]] = [[], []]

    def logger(lines: list[str]) -> Any:
        class Log(trt.ILogger):  # type: ignore[misc, name-defined]  # the module is a value
            def log(self, severity: Any, msg: str) -> None:
                lines.append(f"{severity.name}: {msg}")

        return Log()

    loggers = [logger(lines) for lines in heard]
    for given in loggers:
        assert trt.Runtime(given).deserialize_cuda_engine(b"no engine") is None
    assert [line for line in heard[0] if line.startswith("ERROR")] != []
    assert heard[1] == []


def test_a_logger_that_skips_its_base_is_refused(fake_device: FakeDevice) -> None:
    trt = fake_device.module("tensorrt")

    class Log(trt.ILogger):  # type: ignore[misc, name-defined]  # the module is a value
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match="__init__"):
        trt.Runtime(Log())


def test_child_processes_see_the_same_fakes(fake_device: FakeDevice) -> None:
    fake_device.use(tensorrt="10.16.1.11", missing=("pycuda",))
    code = "import tensorrt, importlib.util as u; print(tensorrt.__version__)\ntry: u.find_spec('pycuda')\n"
    code += "except ModuleNotFoundError as error: print(error.name)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == ["10.16.1.11", "pycuda"]


def test_what_is_missing_cannot_be_imported(fake_device: FakeDevice) -> None:
    fake_device.use(missing=("tensorrt_rtx", "cuda"))
    for name in ("tensorrt_rtx", "cuda.bindings.runtime"):
        with pytest.raises(ModuleNotFoundError, match="hidden by the test"):
            fake_device.module(name)


def test_fresh_memory_holds_no_zeros(cuda: _Cuda) -> None:
    assert np.all(bytes_at(cuda.cudaMalloc(16), 16) != 0)
