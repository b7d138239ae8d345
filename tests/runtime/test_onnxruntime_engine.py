"""The ONNX Runtime engine: it checks what it loads, says what does not fit, and serves several threads."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid, ParityFailed, ToolMissing, UnknownName
from skinseg_runtime.engines import Engine, artefact_name, open_engine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from tests.runtime.tiny_bundle import binary_model, three_class_model, write_bundle

CONTRACT = ModelContract(input_hw=(64, 96))


def test_it_has_the_shape_of_an_engine_and_tells_dark_from_light() -> None:
    engine: Engine = OnnxRuntimeEngine(binary_model(), CONTRACT)
    images = np.full((2, 64, 96, 3), 200, np.uint8)
    images[1, :32] = 50

    probability = engine.infer(images)

    assert (engine.name, engine.input_hw, engine.classes) == ("onnxruntime", (64, 96), 1)
    assert probability.shape == (2, 1, 64, 96)
    assert probability.dtype == np.float32
    # sigmoid((128 - 200) / 8) = 1.2e-4 and sigmoid((128 - 50) / 8) = 0.99994
    assert probability[0].max() < 1e-3
    assert probability[1, 0, :32].min() > 0.999


def test_a_graph_with_an_open_batch_is_accepted() -> None:
    assert OnnxRuntimeEngine(binary_model(batch="N"), CONTRACT).infer(np.zeros((3, 64, 96, 3), np.uint8)).min() > 0.999


def test_an_array_that_is_not_contiguous_is_served() -> None:
    turned = np.zeros((1, 96, 64, 3), np.uint8).transpose(0, 2, 1, 3)
    assert OnnxRuntimeEngine(binary_model(), CONTRACT).infer(turned).min() > 0.999


def test_several_threads_get_the_answers_of_their_own_images() -> None:
    engine = OnnxRuntimeEngine(binary_model(), CONTRACT)
    images = [np.full((1, 64, 96, 3), level, np.uint8) for level in range(100, 156)]
    alone = [engine.infer(image) for image in images]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine.infer, images))

    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    ("model", "contract", "words"),
    [
        (
            binary_model((32, 32)),
            CONTRACT,
            r"its input is 'image' tensor\(uint8\) \[1, 32, 32, 3\], the contract asks for 'image' tensor\(uint8\) "
            r"\[1 or N, 64, 96, 3\]",
        ),
        (
            three_class_model(),
            CONTRACT,
            r"its output is 'probability' tensor\(float\) \[1, 3, 64, 96\], the contract .* \[1 or N, 1, 64, 96\]",
        ),
        (binary_model(output="mask"), CONTRACT, r"its output is 'mask' .* asks for 'probability'"),
        (binary_model(batch=2), CONTRACT, r"\[2, 64, 96, 3\]"),
    ],
)
def test_a_graph_that_does_not_fit_the_contract_is_refused_with_both_shapes(
    model: bytes, contract: ModelContract, words: str
) -> None:
    with pytest.raises(ContractInvalid, match=words):
        OnnxRuntimeEngine(model, contract)


def test_bytes_that_are_no_model_are_refused_in_one_sentence() -> None:
    with pytest.raises(BundleUnusable, match=r"cannot load model\.onnx \(7 bytes\): ONNX Runtime says .*protobuf"):
        OnnxRuntimeEngine(b"rubbish", CONTRACT, source="model.onnx")


def test_weights_outside_the_file_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load_from_string(binary_model())
    outside = next(constant for constant in model.graph.initializer if constant.name == "slope")
    # As large as the input: ONNX Runtime looks at a single number earlier, and stumbles there of itself.
    (tmp_path / "weights.bin").write_bytes(np.full(64 * 96, 8, np.float32).tobytes())
    outside.ClearField("raw_data")
    outside.dims.extend([1, 1, 64, 96])
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="weights.bin")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BundleUnusable, match=r"cannot load model\.onnx"):
        OnnxRuntimeEngine(model.SerializeToString(), CONTRACT, source="model.onnx")


def test_a_graph_without_its_sigmoid_is_found_out_by_its_answers() -> None:
    model = onnx.load_from_string(binary_model())
    model.graph.node[-1].op_type = "Identity"
    engine = OnnxRuntimeEngine(model.SerializeToString(), CONTRACT)
    with pytest.raises(ParityFailed, match=r"its values reach from -9 to -9, expected probabilities"):
        engine.infer(np.full((1, 64, 96, 3), 200, np.uint8))


def test_images_of_another_shape_and_a_closed_engine_are_refused() -> None:
    engine = OnnxRuntimeEngine(binary_model(), CONTRACT)
    with pytest.raises(ValueError, match=r"images are \(1, 64, 64, 3\) uint8, expected \(N, \(64, 96\), 3\)"):
        engine.infer(np.zeros((1, 64, 64, 3), np.uint8))
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.infer(np.zeros((1, 64, 96, 3), np.uint8))


def test_without_onnxruntime_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ToolMissing, match="pip install onnxruntime"):
        OnnxRuntimeEngine(binary_model(), CONTRACT)


def test_an_engine_of_an_apple_device_is_named_as_missing(bundle: Path) -> None:
    with pytest.raises(ToolMissing, match=r"cannot run with coreml: .* runs on macOS.*use engine onnxruntime"):
        open_engine(Bundle.open(bundle), "coreml")


def test_unknown_engines_and_precisions_are_answered_with_the_known(bundle: Path) -> None:
    with pytest.raises(UnknownName, match="cannot find the engine 'tensorrt': known are auto, coreml, onnxruntime"):
        open_engine(Bundle.open(bundle), "tensorrt")
    with pytest.raises(UnknownName, match=r"cannot find the precision 'fp61': .*did you mean 'fp16'"):
        artefact_name("fp61")


def test_a_precision_that_was_not_exported_is_missed_by_name(bundle: Path) -> None:
    with pytest.raises(BundleUnusable, match="onnx-fp16"):
        open_engine(Bundle.open(bundle), precision="fp16")


def test_an_artefact_that_failed_its_acceptance_is_refused(tmp_path: Path) -> None:
    failed = write_bundle(tmp_path / "failed.skinseg", status="failed")
    with pytest.raises(ParityFailed, match="its status is 'failed', expected 'verified'"):
        open_engine(Bundle.open(failed))
