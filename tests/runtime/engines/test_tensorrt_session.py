"""A session holds the rules of CUDA and TensorRT, and says which was broken; over the fake device."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from skinseg_edge.errors import ContractInvalid, DeviceUnready
from skinseg_runtime.cuda_memory import open_cuda
from skinseg_runtime.cuda_memory.device import CudaFault
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.engines.tensorrt_session import TensorRtSession
from tests.fake_device.installing import FakeDevice
from tests.runtime.engines.device_engines import levels, plan_of
from tests.runtime.tiny_bundle import binary_model

BACKENDS = ("pycuda", "cuda.bindings")


@contextmanager
def session_open(
    batch: int | str = 1, most: int = 1, backend: str = "cuda.bindings", **options: Any
) -> Iterator[TensorRtSession]:
    plan = plan_of(TENSORRT, binary_model(batch=batch), max_batch=most)
    with (
        closing(open_cuda(backend)) as cuda,
        closing(TensorRtSession(plan, TENSORRT, source="net.engine", cuda=cuda, **options)) as session,
    ):
        yield session


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_thread_is_sent_to_the_engine(fake_device: FakeDevice, backend: str) -> None:
    met: list[Exception] = []

    def run(session: TensorRtSession) -> None:
        try:
            session.run(levels(100))
        except RuntimeError as error:
            met.append(error)

    with session_open(backend=backend) as session:
        stranger = threading.Thread(target=run, args=(session,))
        stranger.start()
        stranger.join()
    assert "net.engine belongs to the thread that loaded it; reach it through TensorRtEngine" in str(met[0])


@pytest.mark.parametrize("count", [0, 5])
def test_no_more_images_than_fit_into_one_run(fake_device: FakeDevice, count: int) -> None:
    with session_open("N", 4) as session, pytest.raises(ValueError, match=f"there are {count} images, expected 1 to 4"):
        session.run(np.zeros((count, 64, 96, 3), np.uint8))


def test_a_closed_session_says_so_and_closes_once(fake_device: FakeDevice) -> None:
    with session_open() as session:
        session.close()
        session.close()
        with pytest.raises(ValueError, match=r"net\.engine is closed"):
            session.run(levels(100))


def test_an_address_that_is_not_set_is_named(fake_device: FakeDevice) -> None:
    with session_open() as session:
        context: Any = session._ready.context
        context._addresses["probability"] = 0
        expected = (
            r"cannot run net\.engine: TensorRT 10\.3\.0 refuses the run and says '.*address of probability is not"
        )
        with pytest.raises(DeviceUnready, match=expected):
            session.run(levels(100))


def test_what_tensorrt_said_of_an_earlier_run_is_not_told_of_this_one(fake_device: FakeDevice) -> None:
    with session_open(use_graph=False) as session:
        context: Any = session._ready.context
        kept = dict(context._addresses)
        context._addresses["image"] = 0
        with pytest.raises(DeviceUnready, match="address of image is not set"):
            session.run(levels(100))
        context._addresses.update(kept, probability=0)
        with pytest.raises(DeviceUnready) as met:
            session.run(levels(100))
    assert "address of probability is not set" in str(met.value)
    assert "address of image" not in str(met.value)


def test_an_address_that_tensorrt_does_not_take_ends_the_opening(
    fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    context_class = fake_device.module("tensorrt").IExecutionContext
    monkeypatch.setattr(context_class, "set_tensor_address", lambda *_: False)
    with pytest.raises(DeviceUnready, match="takes no address for 'image' and says nothing of why"), session_open():
        pass
    assert (fake_device.gpu.live_bytes, fake_device.gpu.live_handles) == (0, 0)


@pytest.mark.parametrize("use_graph", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_that_was_given_back_is_a_fault_for_the_whole_process(
    fake_device: FakeDevice, backend: str, use_graph: bool
) -> None:
    fake_device.use(integrated=True)
    with session_open(backend=backend, use_graph=use_graph) as session:
        session.warm_up()
        session._buffers["probability"].close()
        with pytest.raises(CudaFault) as met:
            session.run(levels(100))
    assert met.value.is_sticky


def test_a_batch_outside_of_the_profile_is_refused_with_tensorrts_words(fake_device: FakeDevice) -> None:
    with session_open("N", 2) as session:
        session.layout = replace(session.layout, largest_batch=3)
        with pytest.raises(DeviceUnready, match=r"takes no batch of 3 and says '.*outside of the profile"):
            session.run(levels(1, 2, 3))
        assert session.run(levels(1, 2)).shape == (2, 1, 64, 96)


def test_a_shape_that_the_network_does_not_allow_is_refused(
    fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def infer_shapes() -> list[str]:
        raise RuntimeError("shape inference failed")

    with session_open("N", 2) as session:
        monkeypatch.setattr(session._ready.context, "infer_shapes", infer_shapes)
        with pytest.raises(DeviceUnready, match="takes no batch of 2"):
            session.run(levels(1, 2))
        monkeypatch.setattr(session._ready.context, "infer_shapes", lambda: ["image"])
        with pytest.raises(DeviceUnready, match="takes no batch of 2"):
            session.run(levels(1, 2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_tensorrt_refuses_because_cuda_is_lost_cuda_is_named(fake_device: FakeDevice, backend: str) -> None:
    gpu = fake_device.use(integrated=False)
    with session_open(backend=backend, use_graph=False) as session:
        gpu.fault = {"call": "execute_async_v3", "code": "cudaErrorLaunchFailure"}
        with pytest.raises(CudaFault) as met:
            session.run(levels(100))
    assert met.value.is_sticky


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_an_engine_cannot_be_loaded_because_cuda_is_lost_cuda_is_named(
    fake_device: FakeDevice, backend: str
) -> None:
    plan = plan_of(TENSORRT)
    fake_device.gpu.fault = {"call": "deserialize_cuda_engine", "code": "cudaErrorLaunchFailure"}
    with pytest.raises(CudaFault) as met, closing(open_cuda(backend)) as cuda:
        TensorRtSession(plan, TENSORRT, source="net.engine", cuda=cuda)
    assert met.value.is_sticky


@pytest.mark.parametrize("call", ["cudaMemcpyAsync", "cudaEventRecord", "execute_async_v3"])
def test_a_run_that_fails_leaves_nothing_queued(fake_device: FakeDevice, call: str) -> None:
    gpu = fake_device.use(integrated=False)
    with session_open(use_graph=False) as session:
        expected = session.run(levels(100))
        gpu.calls.clear()
        gpu.fault = {"call": call, "times": 1, "code": "cudaErrorInvalidValue"}
        with pytest.raises((CudaFault, DeviceUnready)):
            session.run(levels(20))
        (stream,) = gpu._streams.values()
        assert stream.queue == []
        assert np.array_equal(session.run(levels(100)), expected)


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("cudaStreamCreateWithFlags", 0),
        *((call, n) for call in ("cudaMalloc", "cudaHostAlloc", "cudaEventCreate") for n in (0, 1)),
    ],
)
def test_a_step_of_opening_that_fails_gives_back_what_came_before(
    fake_device: FakeDevice, call: str, after: int
) -> None:
    gpu = fake_device.use(integrated=False)
    plan = plan_of(TENSORRT)
    gpu.calls.clear()
    gpu.fault = {"call": call, "after": after, "code": "cudaErrorMemoryAllocation"}
    with closing(open_cuda("cuda.bindings")) as cuda, pytest.raises(CudaFault, match="cudaErrorMemoryAllocation"):
        TensorRtSession(plan, TENSORRT, source="net.engine", cuda=cuda)
    assert (gpu.live_bytes, gpu.live_handles, gpu.internal_bytes) == (0, 0, 0)


def test_a_network_with_another_input_is_refused_and_everything_given_back(fake_device: FakeDevice) -> None:
    plan = plan_of(TENSORRT, binary_model(output="mask_of_something"))
    with closing(open_cuda("cuda.bindings")) as cuda, pytest.raises(ContractInvalid, match="'mask_of_something' FLOAT"):
        TensorRtSession(plan, TENSORRT, source="net.engine", cuda=cuda)
    assert (fake_device.gpu.live_bytes, fake_device.gpu.live_handles) == (0, 0)
