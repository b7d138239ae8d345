"""Q/DQ graphs of a network that has a folded normalisation, a value with other readers, and a layer used twice."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.quantization_scales import half_scale
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization.qdq import QDQ_OPSET, convolutions_of, layer_of, qdq_from_single, weights_of
from skinseg_export.quantization.ranges import calibrate

_CONTRACT = ModelContract(input_hw=(32, 32))
_LAYERS = ("fold", "twice", "deep.0")


class _Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.fold = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        first = torch.relu(self.first(image))
        folded = torch.relu(self.norm(self.fold(first)))
        # What `fold` reads in 8 bits is read here, too, and stays as it was.
        again = self.twice(torch.relu(self.twice(folded + first)))
        logits: Tensor = self.head(self.deep(again))
        return logits


@pytest.fixture(scope="module")
def single() -> ModelProto:
    torch.manual_seed(0)
    network = _Small()
    with torch.no_grad():
        network.norm.get_buffer("running_mean").add_(0.3)
        network.norm.weight.mul_(torch.linspace(0.2, 3, 8))
    return onnx_from_torch(network, _CONTRACT).model


def _images(count: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)


def _quantized(single: ModelProto, layers: tuple[str, ...] = _LAYERS) -> ModelProto:
    values = {node.input[0] for nodes in convolutions_of(single, layers).values() for node in nodes}
    return qdq_from_single(single, layers, calibrate(single, _images(), values)["minmax"] if values else {})


def _run(model: ModelProto) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([np.asarray(session.run(None, {"image": image[None]})[0]) for image in _images()])


def _by_name(model: ModelProto) -> dict[str, NodeProto]:
    return {node.name: node for node in model.graph.node}


def test_layers_go_by_their_torch_names_even_where_a_normalisation_was_folded_in(single: ModelProto) -> None:
    convolutions = [node for node in single.graph.node if node.op_type == "Conv"]

    assert {layer_of(node) for node in convolutions} >= {"fold", "twice", "deep.0", "head"}
    assert {layer: len(nodes) for layer, nodes in convolutions_of(single, _LAYERS).items()} == {
        "fold": 1,
        "twice": 2,
        "deep.0": 1,
    }
    assert weights_of(single, _LAYERS) == {"fold": 576, "twice": 576, "deep.0": 64}


def test_only_inputs_and_weights_of_the_chosen_convolutions_are_quantized(single: ModelProto) -> None:
    quantized = _quantized(single)
    dequantized = {node.output[0] for node in quantized.graph.node if node.op_type == "DequantizeLinear"}
    before = _by_name(single)

    assert quantized.opset_import[0].version == QDQ_OPSET
    for node in quantized.graph.node:
        if node.name not in before:
            assert node.op_type in ("QuantizeLinear", "DequantizeLinear")
        elif node.op_type == "Conv" and layer_of(before[node.name]) in _LAYERS:
            assert set(node.input[:2]) <= dequantized
            assert list(node.input[2:]) == list(before[node.name].input[2:])  # the bias stays as it is
        else:
            assert list(node.input) == list(before[node.name].input)


def test_steps_are_symmetric_signed_and_exact_in_half_precision(single: ModelProto) -> None:
    quantized = _quantized(single)
    stored = {weight.name: numpy_helper.to_array(weight) for weight in quantized.graph.initializer}
    pairs = [node for node in quantized.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]

    assert len(pairs) == 2 * 4 + 3  # four values, three kernels, which need no Q
    for node in pairs:
        scale, zero = stored[node.input[1]], stored[node.input[2]]
        assert scale.dtype == np.float32
        assert np.array_equal(scale.astype(np.float16).astype(np.float32), scale)
        assert (scale > 0).all()
        assert zero.dtype == np.int8
        assert not zero.any()


def test_kernels_are_rounded_per_output_channel_as_by_hand(single: ModelProto) -> None:
    quantized = _quantized(single, ("deep.0",))
    stored = {weight.name: numpy_helper.to_array(weight) for weight in quantized.graph.initializer}
    kernel = next(
        numpy_helper.to_array(weight)
        for weight in single.graph.initializer
        if weight.name == "pixels.network.deep.0.weight"
    )
    step = half_scale(np.abs(kernel).reshape(8, -1).max(axis=1)).reshape(8, 1, 1, 1)

    by_hand = np.clip(np.rint(kernel / step), -127, 127).astype(np.int8)

    assert any(np.array_equal(values, by_hand) for values in stored.values() if values.dtype == np.int8)


def test_the_quantized_graph_stays_near_and_is_not_the_same(single: ModelProto) -> None:
    error = np.abs(_run(_quantized(single)) - _run(single))

    assert 1e-5 < error.max() < 0.05


def test_half_precision_around_the_pairs_quantizes_alike(single: ModelProto) -> None:
    quantized = _quantized(single)

    half = half_from_single(quantized)

    assert np.abs(_run(half) - _run(quantized)).max() < 5e-3
    assert len(half.SerializeToString()) < len(single.SerializeToString())


def test_without_a_layer_nothing_but_the_opset_changes(single: ModelProto) -> None:
    plain = _quantized(single, ())

    assert [node.op_type for node in plain.graph.node] == [node.op_type for node in single.graph.node]
    np.testing.assert_array_equal(_run(plain), _run(single))


def test_a_layer_that_the_file_lacks_is_named(single: ModelProto) -> None:
    with pytest.raises(InputError, match=r"cannot quantize 1 layers \(attic\): the ONNX file has no convolution"):
        qdq_from_single(single, ["fold", "attic"], {})


def test_tensorrt_rtx_builds_both_forms(single: ModelProto) -> None:
    pytest.importorskip("tensorrt_rtx", reason="needs the trt-rtx extra")
    from skinseg_export.targets.tensorrt.rtx_builder import build_engine

    quantized = _quantized(single)

    for model in (quantized, half_from_single(quantized)):
        onnx.checker.check_model(model, full_check=True)
        assert build_engine(model.SerializeToString(), ["8.9"]).memory["weights_bytes"] > 0
