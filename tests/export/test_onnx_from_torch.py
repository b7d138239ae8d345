import json

import numpy as np
import onnx
import pytest
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ToolMissing
from skinseg_edge.networks import create
from skinseg_export import onnx_from_torch as module
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from tests.export.darkness import CONTRACT, Darkness


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def test_the_graph_takes_uint8_pixels_and_gives_float32_probabilities(exported: OnnxExport) -> None:
    (image,), (probability,) = exported.model.graph.input, exported.model.graph.output

    assert (image.name, image.type.tensor_type.elem_type, _shape(image)) == (
        "image",
        onnx.TensorProto.UINT8,
        [1, 64, 96, 3],
    )
    assert probability.name == "probability"
    assert probability.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert _shape(probability) == [1, 1, 64, 96]


def test_uint8_is_cast_before_it_is_permuted(exported: OnnxExport) -> None:
    # TensorRT-RTX refuses to transpose uint8.
    assert [node.op_type for node in exported.model.graph.node[:2]] == ["Cast", "Transpose"]


def test_the_same_weights_give_the_same_bytes(exported: OnnxExport) -> None:
    again = onnx_from_torch(Darkness(), CONTRACT)

    assert again.model.SerializeToString() == exported.model.SerializeToString()


def test_nodes_are_named_after_their_modules_and_hold_no_paths_of_this_machine(exported: OnnxExport) -> None:
    names = [node.name for node in exported.model.graph.node]

    assert [name.rsplit("_", 1)[0] for name in names if "Conv" in name] == ["network/blur/Conv", "network/head/Conv"]
    assert len(set(names)) == len(names)
    assert b".py" not in exported.model.SerializeToString()


def test_the_file_says_what_it_is_made_of() -> None:
    model = onnx_from_torch(Darkness(), CONTRACT, metadata={"network": "darkness"}).model

    said = {prop.key: prop.value for prop in model.metadata_props}
    assert ModelContract.from_json(json.loads(said.pop("skinseg.contract"))) == CONTRACT
    assert said == {"skinseg.network": "darkness", "skinseg.precision": "fp32", "skinseg.layout": "plain"}


def test_a_free_batch_axis_takes_several_pictures_and_gives_the_same_answers() -> None:
    contract = ModelContract(input_hw=(32, 32))
    network = create("unet", base=4).eval()
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)

    model = onnx_from_torch(network, contract, dynamic_batch=True).model

    import onnxruntime

    assert isinstance(_shape(model.graph.input[0])[0], str)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (together,) = session.run(None, {"image": images})
    np.testing.assert_allclose(np.asarray(together), TorchEngine(network, contract).infer(images), atol=1e-5)


def test_the_opset_is_the_one_asked_for() -> None:
    model = onnx_from_torch(Darkness(), CONTRACT, opset=20).model

    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [20]
    assert OnnxRuntimeEngine(model.SerializeToString(), CONTRACT).name == "onnxruntime"


def test_an_opset_that_no_target_reads_is_refused() -> None:
    with pytest.raises(InputError, match="cannot export to opset 11: expected one of 18 to 23"):
        onnx_from_torch(Darkness(), CONTRACT, opset=11)


def test_an_operation_without_an_onnx_form_is_refused_by_the_network_s_name() -> None:
    class Median(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.median(1, keepdim=True).values

    with pytest.raises(InputError, match="cannot export Median to ONNX: "):
        onnx_from_torch(Median(), CONTRACT)


def test_missing_tools_are_named_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "onnxsim" else object())

    with pytest.raises(ToolMissing, match=r"onnxsim is not installed; run pip install 'skinseg-edge\[export\]'"):
        onnx_from_torch(Darkness(), CONTRACT)


def test_an_export_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    onnx_from_torch(Darkness(), CONTRACT)

    assert capfd.readouterr() == ("", "")
