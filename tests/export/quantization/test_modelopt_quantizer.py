"""The second quantizer: for real where it is installed, and against a stand-in that shows what it is told."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from skinseg_edge.errors import InputError, ToolMissing, VerificationFailed
from skinseg_edge.metrics import dice
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization import modelopt_quantizer
from skinseg_export.quantization.modelopt_quantizer import modelopt_qdq
from skinseg_export.quantization.qdq import convolutions_of, qdq_from_single
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from tests.export.quantization.shared_input import CONTRACT, LAYERS, SharedInput

_STAND_IN = """
import json, os, pathlib, shutil, sys
words = sys.argv[1:]
pathlib.Path(os.environ["STAND_IN_TOLD"]).write_text(json.dumps(words))
value = lambda option: words[words.index(option) + 1]
shutil.copy(value("--calibration_data_path"), os.environ["STAND_IN_TOLD"] + ".npy")
if not os.environ["STAND_IN_RESULT"]:
    sys.exit("chatter\\nValueError: no such opset")
print("a log line on stdout")
shutil.copy(os.environ["STAND_IN_RESULT"], value("--output_path"))
"""


def _images(count: int = 4) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (count, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def single() -> ModelProto:
    return onnx_from_torch(SharedInput(), CONTRACT, metadata={"network": "shared"}).model


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelProto | None], Path]:
    """Put a program in nvidia-modelopt's place that answers with a model, or an error for None."""

    def put(result: ModelProto | None) -> Path:
        package = tmp_path / "site" / "modelopt" / "onnx" / "quantization"
        package.mkdir(parents=True)
        for folder in (package, package.parent, package.parent.parent):
            (folder / "__init__.py").touch()
        (package / "__main__.py").write_text(_STAND_IN)
        for module in ("onnx_graphsurgeon", "onnxslim", "lief", "cppimport"):
            (tmp_path / "site" / f"{module}.py").touch()
        _note_version(tmp_path / "site" / "nvidia_modelopt-0.0.dist-info")
        if result is not None:
            onnx.save(result, tmp_path / "result.onnx")
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
        monkeypatch.setenv("STAND_IN_RESULT", "" if result is None else str(tmp_path / "result.onnx"))
        monkeypatch.setenv("STAND_IN_TOLD", str(tmp_path / "told.json"))
        return tmp_path / "told.json"

    return put


def _note_version(folder: Path) -> None:
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: nvidia-modelopt\nVersion: 0.0\n")


def _ours(single: ModelProto, layers: tuple[str, ...] = LAYERS) -> ModelProto:
    reaches = {node.input[0]: 4.0 for nodes in convolutions_of(single, layers).values() for node in nodes}
    return qdq_from_single(single, layers, reaches)


def test_without_nvidia_modelopt_the_install_line_is_given(single: ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelopt_quantizer, "find_spec", lambda name: None if name == "lief" else find_spec("os"))

    with pytest.raises(ToolMissing, match=r"lief is not installed; run pip install 'skinseg-edge\[export,modelopt\]'"):
        modelopt_qdq(single, LAYERS, _images())


def test_no_picture_is_refused_for_the_tool_would_draw_random_ones(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    stand_in(None)

    with pytest.raises(InputError, match="2 layers and 0 calibration pictures came, expected at least one of each"):
        modelopt_qdq(single, LAYERS, _images(0))


def test_it_is_told_our_pictures_and_the_whole_names_of_our_nodes(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    told = stand_in(_ours(single))

    modelopt_qdq(single, LAYERS, _images(), method="entropy")

    words = told.read_text()
    assert '"--calibration_method", "entropy"' in words
    assert '"--calibration_shapes", "image:1x32x32x3"' in words
    assert words.count(r"Conv_") == len(LAYERS)
    assert words.count(r"\\Z") == len(LAYERS)  # or Conv_1 would take Conv_10 with it
    np.testing.assert_array_equal(np.load(f"{told}.npy"), _images())


def test_an_addition_that_was_turned_to_the_pair_reads_the_value_itself_again(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    turned = _ours(single)
    narrow = next(node for node in turned.graph.node if "/narrow/" in node.name and node.op_type == "Conv")
    features = next(node for node in turned.graph.node if node.op_type == "Relu").output[0]
    addition = next(node for node in turned.graph.node if node.op_type == "Add" and features in node.input)
    addition.input[list(addition.input).index(features)] = narrow.input[0]
    stand_in(turned)

    mended = modelopt_qdq(single, LAYERS, _images())

    assert features in next(node for node in mended.graph.node if node.name == addition.name).input


def test_the_metadata_is_that_of_the_fp32_file_and_names_the_quantizer(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    bare = _ours(single)
    del bare.metadata_props[:]
    stand_in(bare)

    metadata = {prop.key: prop.value for prop in modelopt_qdq(single, LAYERS, _images()).metadata_props}

    assert metadata["skinseg.network"] == "shared"
    assert metadata["skinseg.precision"] == "int8"
    assert metadata["skinseg.quantizer"] == "nvidia-modelopt 0.0 (max)"


def test_a_result_that_lacks_an_ordered_layer_is_refused(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    stand_in(_ours(single, ("wide",)))

    with pytest.raises(VerificationFailed, match=r"node network/narrow/0/Conv_\d+ \(Conv\) reads pairs at inputs \(\)"):
        modelopt_qdq(single, LAYERS, _images())


def test_an_error_of_the_program_arrives_with_its_last_line(
    single: ModelProto, stand_in: Callable[[ModelProto | None], Path]
) -> None:
    stand_in(None)

    with pytest.raises(VerificationFailed, match="ended with exit code 1 and said 'ValueError: no such opset'"):
        modelopt_qdq(single, LAYERS, _images())


@pytest.mark.slow
@pytest.mark.parametrize("rest", ["fp32", "fp16"])
def test_nvidia_modelopt_itself_comes_to_our_scales_and_masks(
    single: ModelProto, rest: Literal["fp32", "fp16"], capfd: pytest.CaptureFixture[str]
) -> None:
    for module in ("modelopt", "onnx_graphsurgeon", "onnxslim", "lief", "cppimport"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: needs the extra modelopt")

    theirs = modelopt_qdq(single, LAYERS, _images(), method="max", rest=rest)

    wide = next(node for node in single.graph.node if "/wide/" in node.name and node.op_type == "Conv")
    kernel = numpy_helper.to_array(next(w for w in single.graph.initializer if w.name == wide.input[1]))
    expected = np.abs(kernel).reshape(len(kernel), -1).max(axis=1) / 127
    np.testing.assert_allclose(_weight_scale(theirs), expected, rtol=1 / 127)  # it may divide by 127 or 127.5
    truth = OnnxRuntimeEngine(single.SerializeToString(), CONTRACT, threads=1).infer(_images())
    found = OnnxRuntimeEngine(theirs.SerializeToString(), CONTRACT, threads=1).infer(_images())
    middle = np.median(truth)
    assert all(dice(a[0] > middle, b[0] > middle) > 0.95 for a, b in zip(found, truth, strict=True))
    assert 0 < np.abs(found - truth).max() < 0.05
    assert capfd.readouterr() == ("", "")


def _weight_scale(model: ModelProto) -> NDArray[np.float32]:
    wide = next(node for node in model.graph.node if "/wide/" in node.name and node.op_type == "Conv")
    back = next(node for node in model.graph.node if node.output[0] == wide.input[1])
    stored = next(weight for weight in model.graph.initializer if weight.name == back.input[1])
    return numpy_helper.to_array(stored).astype(np.float32)
