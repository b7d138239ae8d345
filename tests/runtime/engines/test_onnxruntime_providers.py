"""ONNX Runtime's other providers: opened where they are, refused where ONNX Runtime would fall back in silence."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ParityFailed, ToolMissing
from skinseg_runtime import Segmenter
from skinseg_runtime.engines import ENGINES, choose_engine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.engines.onnxruntime_providers import PROVIDERS, provider_named
from tests.runtime.tiny_bundle import binary_model, write_bundle

CONTRACT = ModelContract(input_hw=(64, 96))
_NAMES = [provider.engine for provider in PROVIDERS]
_HERE = set(onnxruntime.get_available_providers())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(write_bundle(tmp_path_factory.mktemp("bundles") / "lesion.skinseg"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let onnxruntime name every provider, compute on the processor, and write down how sessions were opened."""
    asked: list[dict[str, Any]] = []
    real = onnxruntime.InferenceSession

    class Renamed:
        def __init__(self, model: bytes, options: object, providers: Sequence[Any], **more: Any) -> None:
            asked.append({"providers": providers, "options": options, **more})
            self._name = providers[0][0]
            self._session = real(model, options, providers=["CPUExecutionProvider"], **more)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

        def get_providers(self) -> list[str]:
            return [self._name, "CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [each.onnx_name for each in PROVIDERS])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Renamed)
    return asked


@pytest.mark.parametrize("name", [each.engine for each in PROVIDERS if each.onnx_name not in _HERE])
def test_one_that_is_not_installed_is_refused_with_the_package_that_brings_it(bundle: Bundle, name: str) -> None:
    provider = provider_named(name)
    words = rf"cannot run the engine {provider.engine}: the onnxruntime .* expected {provider.onnx_name}; .*onnxruntime"
    with pytest.raises(ToolMissing, match=words):
        choose_engine(bundle, provider.engine)


def test_every_provider_is_an_engine_by_name_and_none_is_taken_by_itself(bundle: Bundle) -> None:
    assert set(_NAMES) <= set(ENGINES)
    with closing(choose_engine(bundle, "auto").engine) as engine:
        assert engine.name == "onnxruntime"


def test_a_silent_fallback_to_the_processor_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # Real sessions: ONNX Runtime says that it has CUDA, cannot load it, and goes on with the processor.
    provider = provider_named("onnxruntime-cuda")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [provider.onnx_name])
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(ToolMissing, match=r"could not set CUDAExecutionProvider up and would go on with CPUExec"),
    ):
        OnnxRuntimeEngine(binary_model(), CONTRACT, provider=provider)


def test_it_is_proved_by_the_golden_cases_and_then_runs(bundle: Bundle, opened: list[dict[str, Any]]) -> None:
    with Segmenter.open(bundle.path, engine="onnxruntime-openvino", threads=3) as segmenter:
        mask = segmenter.segment(bundle.read(bundle.manifest.golden[0].image)).mask

    assert segmenter.engine.name == "onnxruntime-openvino"
    assert mask.any()
    assert opened[0]["providers"] == [
        ("OpenVINOExecutionProvider", {"device_type": "CPU", "precision": "FP32", "num_of_threads": "3"})
    ]


def test_one_that_gives_other_masks_is_refused(
    bundle: Bundle, opened: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OnnxRuntimeEngine.infer
    monkeypatch.setattr(OnnxRuntimeEngine, "infer", lambda self, images: np.float32(1) - own(self, images))
    with pytest.raises(ParityFailed, match=r"with the engine onnxruntime-cuda: \d+ of \d+ golden cases left"):
        choose_engine(bundle, "onnxruntime-cuda")


@pytest.mark.parametrize(("layout", "unwanted"), [("plain", ["NchwcTransformer"]), ("", []), ("blocked", [])])
def test_the_blocked_layout_is_left_out_where_the_file_says_so(
    opened: list[dict[str, Any]], layout: str, unwanted: list[str]
) -> None:
    model = onnx.load_from_string(binary_model())
    model.metadata_props.add(key="skinseg.layout", value=layout)

    OnnxRuntimeEngine(model.SerializeToString(), CONTRACT, provider=provider_named("onnxruntime-cuda"))

    assert opened[0]["disabled_optimizers"] == unwanted


def test_tensor_cores_do_not_shorten_the_numbers(tmp_path: Path) -> None:
    assert provider_named("onnxruntime-cuda").options(2) == {"use_tf32": "0"}
