"""Engines of the fake device for these tests: how one is built, opened and held."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_runtime.engine_build.builder import build
from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engines.products import Product
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from skinseg_runtime.engines.tensorrt_library import load
from tests.fake_device.fake_gpu import FakeGpu, Stream
from tests.runtime.tiny_bundle import binary_model

CONTRACT = ModelContract(input_hw=(64, 96))


class DeviceMaker(Protocol):
    """Puts a fake device with these settings in the place of NVIDIA's libraries."""

    def __call__(self, **settings: Any) -> FakeGpu: ...


def levels(*values: int) -> NDArray[np.uint8]:
    """Return one grey picture (64, 96, 3) a value, darker in its upper left corner."""
    images = np.zeros((len(values), 64, 96, 3), np.uint8)
    for image, value in zip(images, values, strict=True):
        image[:] = value
        image[:20, :30] = value // 2
    return images


def plan_of(
    product: Product, model: bytes | None = None, *, max_batch: int = 1, mask_threshold: float | None = None
) -> bytes:
    request = BuildRequest(workspace_mib=64, max_batch=max_batch, mask_threshold=mask_threshold)
    return build(load(product), model or binary_model(), request, on_step=lambda _step: None).data


@contextmanager
def engine_of(
    product: Product,
    model: bytes | None = None,
    contract: ModelContract = CONTRACT,
    *,
    max_batch: int = 1,
    mask_threshold: float | None = None,
    **options: Any,
) -> Iterator[TensorRtEngine]:
    plan = plan_of(product, model, max_batch=max_batch, mask_threshold=mask_threshold)
    engine = TensorRtEngine(plan, contract, product, source="net.engine", **options)
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def gpu_held(gpu: FakeGpu) -> Iterator[threading.Event]:
    """Let the GPU finish nothing until the block ends; the event tells that it has begun something."""
    begun, may_end = threading.Event(), threading.Event()
    synchronize = gpu.synchronize

    def held(stream: Stream) -> None:
        begun.set()
        may_end.wait()
        synchronize(stream)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpu, "synchronize", held)
        try:
            yield begun
        finally:
            may_end.set()
