from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from skinseg_edge.errors import InputError, VerificationFailed
from skinseg_export.onnx_from_torch import onnx_from_torch
from skinseg_export.quantization.pair_check import check_pairs
from skinseg_export.quantization.qdq import convolutions_of, qdq_from_single
from tests.export.quantization.shared_input import CONTRACT, LAYERS, SharedInput


@pytest.fixture(scope="module")
def single() -> ModelProto:
    return onnx_from_torch(SharedInput(), CONTRACT).model


@pytest.fixture
def quantized(single: ModelProto) -> ModelProto:
    reaches = {node.input[0]: 4.0 for nodes in convolutions_of(single, LAYERS).values() for node in nodes}
    return qdq_from_single(single, LAYERS, reaches)


def _wide(model: ModelProto) -> NodeProto:
    found: NodeProto = next(node for node in model.graph.node if node.op_type == "Conv" and "/wide/" in node.name)
    return found


def _pair_back(model: ModelProto, *, of_weight: bool) -> NodeProto:
    """The DequantizeLinear before the convolution `wide`."""
    value = _wide(model).input[1 if of_weight else 0]
    found: NodeProto = next(node for node in model.graph.node if node.output[0] == value)
    return found


def _replace(model: ModelProto, name: str, values: NDArray[np.generic]) -> None:
    stored = next(weight for weight in model.graph.initializer if weight.name == name)
    stored.CopyFrom(numpy_helper.from_array(values, name))


def _stored(model: ModelProto, name: str) -> NDArray[np.generic]:
    return numpy_helper.to_array(next(weight for weight in model.graph.initializer if weight.name == name))


def test_what_our_own_quantizer_makes_passes(single: ModelProto, quantized: ModelProto) -> None:
    check_pairs(quantized, single, LAYERS)


def test_the_fp32_file_passes_for_no_layer_at_all(single: ModelProto) -> None:
    check_pairs(single, single, ())


def test_a_layer_that_was_not_quantized_is_named(single: ModelProto) -> None:
    with pytest.raises(VerificationFailed, match=r"wide/Conv_\d+ \(Conv\) reads pairs at inputs \(\), ordered were"):
        check_pairs(single, single, ["wide"])


def test_a_layer_that_was_quantized_without_an_order_is_named(single: ModelProto, quantized: ModelProto) -> None:
    with pytest.raises(VerificationFailed, match=r"wide/Conv_\d+ \(Conv\) reads pairs at inputs \(0, 1\), ordered"):
        check_pairs(quantized, single, ["narrow.0"])


def test_a_layer_that_the_file_does_not_have_is_named(single: ModelProto, quantized: ModelProto) -> None:
    with pytest.raises(InputError, match=r"cannot quantize 1 layers \(wider\)"):
        check_pairs(quantized, single, [*LAYERS, "wider"])


def test_an_addition_behind_a_pair_is_named(single: ModelProto, quantized: ModelProto) -> None:
    narrow = next(node for node in quantized.graph.node if "/narrow/" in node.name and node.op_type == "Conv")
    features = next(node for node in quantized.graph.node if node.op_type == "Relu").output[0]
    addition = next(node for node in quantized.graph.node if node.op_type == "Add" and features in node.input)
    addition.input[list(addition.input).index(features)] = narrow.input[0]

    with pytest.raises(VerificationFailed, match=r"\(Add\) reads pairs at inputs \(\d,\), ordered were \(\)"):
        check_pairs(quantized, single, LAYERS)


def test_an_output_that_comes_out_of_a_pair_is_named(single: ModelProto, quantized: ModelProto) -> None:
    last = next(node for node in quantized.graph.node if node.output[0] == "probability")
    last.output[0] = "before_the_pair"
    scale, zero = (
        numpy_helper.from_array(np.array(0.01, np.float32), "s"),
        numpy_helper.from_array(np.array(0, np.int8), "z"),
    )
    quantized.graph.initializer.extend([scale, zero])
    quantized.graph.node.extend(
        [
            helper.make_node("QuantizeLinear", ["before_the_pair", "s", "z"], ["rounded"], name="forth"),
            helper.make_node("DequantizeLinear", ["rounded", "s", "z"], ["probability"], name="back"),
        ]
    )

    with pytest.raises(VerificationFailed, match="its output probability comes out of a pair"):
        check_pairs(quantized, single, LAYERS)


def test_a_convolution_that_lost_its_name_is_named(single: ModelProto, quantized: ModelProto) -> None:
    _wide(quantized).name = "renamed"

    with pytest.raises(VerificationFailed, match=r"node network/wide/Conv_\d+ is not in it"):
        check_pairs(quantized, single, LAYERS)


def _shifted(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=False)
    _replace(model, back.input[2], np.array(3, np.int8))


def _negative(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=False)
    _replace(model, back.input[1], -_stored(model, back.input[1]).astype(np.float32))


def _scaled_otherwise(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=False)
    model.graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), "other"))
    back.input[1] = "other"


def _unsigned(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=False)
    model.graph.initializer.append(numpy_helper.from_array(np.array(0, np.uint8), "unsigned"))
    readers = [node for node in model.graph.node if node.output[0] == back.input[0]]
    for node in (back, *readers):
        node.input[2] = "unsigned"
    del model.graph.value_info[:]


def _without_zero_point(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=True)
    del back.input[2]


def _along_the_inputs(model: ModelProto) -> None:
    for attribute in _pair_back(model, of_weight=True).attribute:
        attribute.i = 1


def _one_scale(model: ModelProto) -> None:
    back = _pair_back(model, of_weight=True)
    _replace(model, back.input[1], np.array(0.01, np.float32))
    _replace(model, back.input[2], np.array(0, np.int8))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_shifted, "has zero points int8 up to 3, expected int8 0"),
        (_unsigned, "has zero points uint8 up to 0, expected int8 0"),
        (_negative, "has a scale of -0.0.*, expected finite numbers above 0"),
        (_scaled_otherwise, "scales otherwise than .*QuantizeLinear before it"),
        (_without_zero_point, "has no stored zero point"),
        (_along_the_inputs, "has 32 scales on axis 1, expected 32 on axis 0"),
        (_one_scale, "has 1 scales on axis .*, expected 32 on axis 0"),
    ],
)
def test_a_pair_of_another_form_is_named(
    single: ModelProto, quantized: ModelProto, spoil: Callable[[ModelProto], None], words: str
) -> None:
    spoil(quantized)

    with pytest.raises(VerificationFailed, match=words):
        check_pairs(quantized, single, LAYERS)


def test_another_output_type_is_named(single: ModelProto, quantized: ModelProto) -> None:
    last = next(node for node in quantized.graph.node if node.output[0] == "probability")
    last.output[0] = "single"
    quantized.graph.node.append(helper.make_node("Cast", ["single"], ["probability"], to=TensorProto.FLOAT16))
    quantized.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    with pytest.raises(VerificationFailed, match=r"it has probability tensor_type \{ elem_type: 10 .* where the fp32"):
        check_pairs(quantized, single, LAYERS)


def test_what_the_onnx_checker_refuses_is_passed_on(single: ModelProto, quantized: ModelProto) -> None:
    del quantized.graph.node[0]

    with pytest.raises(VerificationFailed, match="the ONNX checker says"):
        check_pairs(quantized, single, LAYERS)
