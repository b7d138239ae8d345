import copy

import numpy as np
import onnx.parser
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, ParityFailed
from skinseg_edge.networks import create
from skinseg_export.half_evaluation import HalfEngine, half_values
from skinseg_export.half_precision import half_from_single, half_value_names
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from tests.export.darkness import CONTRACT

_SMALL = ModelContract(input_hw=(32, 32))


def _images(count: int = 2) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)


def _metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {prop.key: prop.value for prop in model.metadata_props}


def _kinds(model: onnx.ModelProto) -> dict[str, int]:
    """Map each node to the element type of its first output."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output)}
    return {node.name: kinds[node.output[0]] for node in model.graph.node}


def test_the_borders_stay_uint8_and_float32(exported: OnnxExport) -> None:
    half = half_from_single(exported.model)

    assert half.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert half.graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert _metadata(half)["skinseg.precision"] == "fp16"


def test_convolutions_are_half_and_means_stay_single(exported: OnnxExport) -> None:
    half = half_from_single(exported.model)

    in_half = half_value_names(half)
    by_kind = {node.op_type: node.output[0] in in_half for node in half.graph.node if node.op_type != "Cast"}
    assert by_kind["Conv"]
    assert not by_kind["ReduceMean"]
    assert not by_kind["Transpose"]  # the way from the pixels to the first layer


def test_the_fp32_model_is_left_as_it_was(exported: OnnxExport) -> None:
    before = exported.model.SerializeToString()

    half_from_single(exported.model)

    assert exported.model.SerializeToString() == before


def test_true_half_arithmetic_comes_as_near_to_fp32_as_torch_s_own_half() -> None:
    network = create("unet", base=4).eval()
    for layer in network.modules():  # untrained, the output is flat: give it contrast
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    truth = TorchEngine(network, _SMALL).infer(_images())

    ours = HalfEngine(half_from_single(onnx_from_torch(network, _SMALL).model), _SMALL).infer(_images())

    with torch.inference_mode():
        pixels = torch.from_numpy(_images()).permute(0, 3, 1, 2).float() / 127.5 - 1
        torchs = torch.sigmoid(copy.deepcopy(network).half()(pixels.half()).float()).numpy()
    assert truth.std() > 0.01
    ours_error, torchs_error = np.abs(ours - truth).mean(), np.abs(torchs - truth).mean()
    assert 0 < ours_error < 2 * torchs_error < 4e-3


class _Loud(nn.Module):
    """Its two middle channels reach three times *weight* and are weighed against each other: infinite in half."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.up = nn.Conv2d(3, 2, 1, bias=False)
        self.down = nn.Conv2d(2, 1, 1, bias=False)
        nn.init.constant_(self.up.weight, weight)
        with torch.no_grad():
            self.down.weight.copy_(torch.tensor([2.0, -1.0]).reshape(1, 2, 1, 1) / weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.down(F.relu(self.up(images)))
        return logits


_WHITE = np.full((1, 32, 32, 3), 255, np.uint8)


def test_overflow_shows_in_true_half_arithmetic_where_onnx_runtime_hides_it() -> None:
    half = half_from_single(onnx_from_torch(_Loud(3e4), _SMALL).model)

    hidden = OnnxRuntimeEngine(half.SerializeToString(), _SMALL).infer(_WHITE)
    shown = HalfEngine(half, _SMALL).infer(_WHITE)
    values = half_values(half, _WHITE)

    loud = next(values[node.output[0]] for node in half.graph.node if node.name.startswith("network/up/Conv"))
    assert loud.dtype == np.float16
    assert (loud == np.inf).all()  # 3 * 3e4 > 65504
    assert np.isnan(shown).all()  # 2 inf - inf
    np.testing.assert_allclose(hidden, 1 / (1 + np.exp(-3)), atol=1e-3)  # 2 * 3 - 3


def test_a_node_with_a_weight_beyond_half_stays_fp32_and_is_recorded() -> None:
    single = onnx_from_torch(_Loud(9e4), _SMALL).model
    loud, quiet = (node.name for node in single.graph.node if node.op_type == "Conv")

    half = half_from_single(single)

    assert _kinds(half)[loud] == TensorProto.FLOAT
    assert _kinds(half)[quiet] == TensorProto.FLOAT16
    assert _metadata(half)["skinseg.kept_fp32"] == loud


def test_nodes_that_are_named_stay_fp32_and_no_others(exported: OnnxExport) -> None:
    first, *others = (node.name for node in exported.model.graph.node if node.op_type == "Conv")

    kinds = _kinds(half_from_single(exported.model, {first}))

    assert kinds[first] == TensorProto.FLOAT
    assert {kinds[name] for name in others} == {TensorProto.FLOAT16}
    assert _metadata(half_from_single(exported.model))["skinseg.kept_fp32"] == "none"


def test_a_name_that_no_node_has_is_refused(exported: OnnxExport) -> None:
    with pytest.raises(InputError, match="cannot keep network/nothing in fp32: the ONNX file has no node of that name"):
        half_from_single(exported.model, {"network/nothing"})


_QUANTIZED = """
<ir_version: 10, opset_import: ["" : 19]>
quantized (uint8[1, 32, 32, 3] image) => (float[1, 3, 32, 32] probability)
<float[3, 3, 1, 1] w, int8[3, 3, 1, 1] q, int8 zero = {0}, float scale = {0.5}>
{
    pixels = Cast<to = 1>(image)
    planes = Transpose<perm = [0, 3, 1, 2]>(pixels)
    before = Conv(planes, w)
    eight = QuantizeLinear(before, scale, zero)
    back = DequantizeLinear(eight, scale, zero)
    weights = DequantizeLinear(q, scale, zero)
    first = Conv(back, weights)
    second = Conv(back, weights)
    sum = Add(first, second)
    probability = Sigmoid(sum)
}
"""


def _quantized() -> onnx.ModelProto:
    generator = np.random.default_rng(0)
    weights = {
        "w": generator.normal(size=(3, 3, 1, 1)).astype(np.float32) / 100,
        "q": generator.integers(-127, 128, (3, 3, 1, 1), np.int8),
    }
    model = onnx.parser.parse_model(_QUANTIZED)
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    for node in model.graph.node:
        node.name = f"made/{node.output[0]}"
    return model


def test_pairs_of_q_and_dq_become_half_with_half_scales_and_int8_zero_points() -> None:
    half = half_from_single(_quantized())

    weights = {weight.name: weight for weight in half.graph.initializer}
    pairs = [node for node in half.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert [node.op_type for node in pairs] == ["QuantizeLinear", "DequantizeLinear", "DequantizeLinear"]
    assert {weights[node.input[1]].data_type for node in pairs} == {TensorProto.FLOAT16}
    assert {weights[node.input[2]].data_type for node in pairs} == {TensorProto.INT8}
    assert _kinds(half)["made/first"] == TensorProto.FLOAT16


def test_a_quantized_convolution_that_stays_fp32_reads_its_dq_without_a_cast() -> None:
    half = half_from_single(_quantized(), {"made/first"})

    makers = {name: node for node in half.graph.node for name in node.output}
    readers = {node.name: node for node in half.graph.node}
    for name, kind in (("made/first", TensorProto.FLOAT), ("made/second", TensorProto.FLOAT16)):
        assert [makers[value].op_type for value in readers[name].input] == ["DequantizeLinear"] * 2
        assert _kinds(half)[name] == kind


def test_a_q_of_an_fp32_value_quantizes_it_as_it_is() -> None:
    half = half_from_single(_quantized(), {"made/before"})

    quantizer = next(node for node in half.graph.node if node.op_type == "QuantizeLinear")
    assert list(quantizer.input) == ["before", "scale", "zero"]


def test_control_flow_is_refused_by_name() -> None:
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.zeros((1, 1, 2, 2), np.float32)))],
        "branch",
        [],
        [helper.make_tensor_value_info("one", TensorProto.FLOAT, [1, 1, 2, 2])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["flag"], to=TensorProto.BOOL),
            helper.make_node("If", ["flag"], ["probability"], name="choice", then_branch=branch, else_branch=branch),
        ],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, 1, 2, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    with pytest.raises(ParityFailed, match="node choice is a If, whose body this pass does not rewrite"):
        half_from_single(model)


def test_resize_keeps_its_scales_and_its_data_is_half() -> None:
    class Enlarge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shrink = nn.Conv2d(3, 1, 2, stride=2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return F.interpolate(self.shrink(images), scale_factor=2.0, mode="bilinear")

    network = Enlarge().eval()

    half = half_from_single(onnx_from_torch(network, _SMALL).model)

    np.testing.assert_allclose(
        HalfEngine(half, _SMALL).infer(_images()), TorchEngine(network, _SMALL).infer(_images()), atol=2e-3
    )


def test_the_half_file_loads_where_it_shall_run(exported: OnnxExport) -> None:
    engine = OnnxRuntimeEngine(half_from_single(exported.model).SerializeToString(), CONTRACT)

    assert engine.input_hw == CONTRACT.input_hw


def test_a_normalisation_that_returns_its_statistics_as_well_is_evaluated() -> None:
    single = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 18]>
        normalise (uint8[1, 32, 32, 3] image) => (float[1, 32, 32, 3] probability)
        <float[3] scale = {1, 2, 3}>
        {
            pixels = Cast<to = 1>(image)
            normal = LayerNormalization<axis = -1>(pixels, scale)
            probability = Sigmoid(normal)
        }
    """)

    ours = HalfEngine(half_from_single(single), _SMALL).infer(_images(1))

    pixels = _images(1).astype(np.float64)
    normal = (pixels - pixels.mean(-1, keepdims=True)) / np.sqrt(pixels.var(-1, keepdims=True) + 1e-5)
    assert np.abs(ours - 1 / (1 + np.exp(-normal * [1, 2, 3]))).max() < 1e-3
