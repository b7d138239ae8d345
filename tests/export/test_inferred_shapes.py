"""Shapes found without the weights are those that onnx finds with them."""

import onnx
import pytest

from skinseg_export.half_precision import half_from_single
from skinseg_export.inferred_shapes import inferred_graph
from skinseg_export.onnx_from_torch import onnx_from_torch
from tests.export.darkness import CONTRACT, Darkness

_REFUSED = """<ir_version: 8, opset_import: ["" : 18]>
made (float[2, 3] image) => (float[2, 4] answer) { answer = Relu (image) }"""


def test_every_value_has_the_type_and_shape_that_onnx_finds_with_the_weights() -> None:
    single = onnx_from_torch(Darkness(), CONTRACT).model
    for model in (single, half_from_single(single)):
        del model.graph.value_info[:]
        expected = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph

        found = inferred_graph(model, strict=True)

        assert len(found.value_info) > 5
        assert list(found.value_info) == list(expected.value_info)
        assert list(found.output) == list(expected.output)


def test_large_weights_stay_behind_and_sizes_come_along() -> None:
    body = """<ir_version: 8, opset_import: ["" : 18]>
    made (float[4, 6] image) => (answer) <int64[2] sizes = {8, 3}> { answer = Reshape (image, sizes) }"""
    model = onnx.parser.parse_model(body)
    model.graph.initializer.add(name="large", data_type=onnx.TensorProto.FLOAT, dims=[1024], raw_data=bytes(4096))

    found = inferred_graph(model)

    assert [side.dim_value for side in found.output[0].type.tensor_type.shape.dim] == [8, 3]
    assert [len(each.raw_data) for each in found.initializer if each.name == "large"] == [0]
    assert len(model.graph.initializer[1].raw_data) == 4096


def test_strict_types_that_contradict_each_other_are_an_error() -> None:
    model = onnx.parser.parse_model(_REFUSED)

    with pytest.raises(onnx.shape_inference.InferenceError):
        inferred_graph(model, strict=True)
