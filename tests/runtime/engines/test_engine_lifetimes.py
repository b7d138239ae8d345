"""TensorRT's objects go before the GPU that they live on is closed, also where an error's traceback has seen them."""

import weakref
from pathlib import Path
from typing import Any

import pytest

from skinseg_edge.errors import ContractInvalid, DeviceUnready
from skinseg_runtime.cuda_memory.cuda_bindings import CudaBindingsDevice
from skinseg_runtime.engines.products import TENSORRT
from skinseg_runtime.engines.tensorrt import TensorRtEngine
from tests.fake_device import trt_runtime
from tests.fake_device.installing import FakeDevice
from tests.runtime.engines.device_engines import CONTRACT, plan_of
from tests.runtime.tiny_bundle import binary_model


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKINSEG_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize("step", ["layout", "context", "warm-up"])
def test_an_engine_that_cannot_be_opened_is_gone_before_its_gpu_is_closed(
    fake_device: FakeDevice, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fake_device.use(engine={"context_none": step == "context"})
    plan = plan_of(TENSORRT, binary_model(batch="N", output="other" if step == "layout" else "probability"))
    made: list[weakref.ref[trt_runtime.EngineBase]] = []
    alive_at_close: list[bool] = []
    engine_class, cuda_class = trt_runtime.EngineBase, CudaBindingsDevice
    init, close = engine_class.__init__, cuda_class.close

    def noted(engine: trt_runtime.EngineBase, *arguments: Any) -> None:
        init(engine, *arguments)
        made.append(weakref.ref(engine))

    def looked(cuda: CudaBindingsDevice) -> None:
        alive_at_close.append(made[-1]() is not None)
        close(cuda)

    monkeypatch.setattr(engine_class, "__init__", noted)
    monkeypatch.setattr(cuda_class, "close", looked)
    if step == "warm-up":
        monkeypatch.setattr(trt_runtime.ContextBase, "set_input_shape", lambda *_: False)

    with pytest.raises((ContractInvalid, DeviceUnready)):
        TensorRtEngine(plan, CONTRACT, TENSORRT, cuda_backend="cuda.bindings")

    assert alive_at_close == [False]
