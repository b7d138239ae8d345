"""The rounded graph against ONNX's own reference evaluator, which keeps the types of the file, operator by operator."""

import numpy as np
import onnx
import onnx.parser
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks import create
from skinseg_export.calculator import open_calculator
from skinseg_export.half_evaluation import HalfEngine, half_values
from skinseg_export.half_precision import half_from_single
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.rounded_graph import rounded
from tests.export.darkness import CONTRACT, Darkness

Half = NDArray[np.float16]

# The parser takes half constants as their bits: 11878 is 0.1, 13517 is 0.3.
_ONE_STEP = [
    "y = Add(x, w)",
    "y = Sub(x, w)",
    "y = Mul(x, w)",
    "y = Div(x, w)",
    "s = Abs(x) y = Sqrt(s)",
    "s = Abs(x) y = Log(s)",
    "s = Abs(x) y = Pow(s, w)",
    "y = Exp(x)",
    "y = Erf(x)",
    "y = Tanh(x)",
    "y = Sigmoid(x)",
    "y = HardSigmoid(x)",
    "y = HardSwish(x)",
    "y = Softplus(x)",
    "y = Reciprocal(x)",
    "y = LeakyRelu<alpha = 0.125>(x)",
    "y = PRelu(x, w)",
    "c = Constant<value = float16[1] {11878}>() y = Mul(x, c)",
]
_SAME_NUMBER = [
    "y = Relu(x)",
    "y = Neg(x)",
    "y = Max(x, w)",
    "y = Min(x, w)",
    "lo = Constant<value = float16 {11878}>() hi = Constant<value = float16 {13517}>() y = Clip(x, lo, hi)",
    "c = Greater(x, w) y = Where(c, x, w)",
    "y = Concat<axis = 1>(x, w)",
    "y = Transpose<perm = [0, 3, 1, 2]>(x)",
    "shape = Constant<value_ints = [1, 8, 3, 6]>() y = Reshape(x, shape)",
    "a, y = Split<axis = 1, num_outputs = 2>(x)",
    "pads = Constant<value_ints = [0, 0, 1, 1, 0, 0, 1, 1]>() y = Pad(x, pads)",
    "y = MaxPool<kernel_shape = [2, 2]>(x)",
    "i = Constant<value_ints = [2, 0]>() y = Gather<axis = 1>(x, i)",
    "y = DepthToSpace<blocksize = 2>(x)",
    "shape = Constant<value_ints = [1, 4, 6, 6]>() y = ConstantOfShape<value = float16[1] {13517}>(shape)",
    "f = Cast<to = 1>(x) y = Cast<to = 10>(f)",
    "f = Cast<to = 1>(x) s = Mul(f, f) y = Cast<to = 10>(s)",
    "i = Cast<to = 7>(x) y = Cast<to = 10>(i)",
]
# The reference adds up in half; half hardware adds up in fp32 and rounds once.
_SUMS = [
    "y = Conv<pads = [1, 1, 1, 1]>(x, k, b)",
    "y = Conv<strides = [2, 2], pads = [1, 0, 1, 0], dilations = [2, 2]>(x, k)",
    "y = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]>(x, k)",
    "t = Transpose<perm = [0, 1, 3, 2]>(w) y = MatMul(x, t)",
    "y = AveragePool<kernel_shape = [3, 3]>(x)",
    "y = GlobalAveragePool(x)",
    "y = Softmax<axis = -1>(x)",
    "axes = Constant<value_ints = [2, 3]>() y = ReduceMean(x, axes)",
    "y = BatchNormalization(x, b, b, b, p)",
    "roi = Constant<value_floats = [0.0]>() factors = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>() "
    'y = Resize<mode = "linear">(x, , factors)',
]


def _half_model(body: str) -> onnx.ModelProto:
    """Return the half graph *body* from x (1, 4, 6, 6) to y; w is such a value, k a kernel, b and p channels."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 20]>
        operators (float16[1, 4, 6, 6] x) => (float16[n, c, h, w] y)
        <float16[1, 4, 6, 6] w, float16[4, 4, 3, 3] k, float16[4] b, float16[4] p> {{ {body} }}"""
    )
    weights = {"w": _numbers(1), "k": _numbers(2, (4, 4, 3, 3)), "b": _numbers(3, (4,)), "p": abs(_numbers(4, (4,)))}
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    return model


def _numbers(seed: int, shape: tuple[int, ...] = (1, 4, 6, 6)) -> Half:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float16)


def _rounded_run(model: onnx.ModelProto, x: Half) -> NDArray[np.float32]:
    (y,) = open_calculator(rounded(model), optimised=True).run(["y"], {"x": x.astype(np.float32)})
    assert y.dtype == np.float32
    return np.asarray(y)


def _widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return *model* in fp32 without any rounding, with the numbers of its half weights."""
    text = onnx.printer.to_text(model).replace("float16", "float")
    wide = onnx.parser.parse_model(text)
    del wide.graph.initializer[:]
    weights = {weight.name: numpy_helper.to_array(weight).astype(np.float32) for weight in model.graph.initializer}
    wide.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights.items())
    return wide


def _steps_apart(ours: NDArray[np.float32], theirs: Half) -> float:
    """Return the largest distance in last bits of half precision; *ours* must be half numbers."""
    np.testing.assert_array_equal(ours, ours.astype(np.float16))
    return float((np.abs(ours - theirs.astype(np.float32)) / np.spacing(np.abs(theirs)).astype(np.float32)).max())


@pytest.mark.parametrize("body", _ONE_STEP)
def test_an_operator_gives_the_reference_s_number_or_its_neighbour(body: str) -> None:
    model, x = _half_model(body), _numbers(0)
    (theirs,) = ReferenceEvaluator(model).run(None, {"x": x})

    assert _steps_apart(_rounded_run(model, x), np.asarray(theirs)) <= 1


@pytest.mark.parametrize("body", _SAME_NUMBER)
def test_an_operator_that_moves_or_chooses_gives_the_reference_s_number(body: str) -> None:
    model, x = _half_model(body), _numbers(0)
    (theirs,) = ReferenceEvaluator(model).run(None, {"x": x})

    np.testing.assert_array_equal(_rounded_run(model, x), theirs)


@pytest.mark.parametrize("body", _SUMS)
def test_a_sum_is_the_reference_s_fp32_sum_rounded_once(body: str) -> None:
    model, x = _half_model(body), _numbers(0)
    (theirs,) = ReferenceEvaluator(_widened(model)).run(None, {"x": x.astype(np.float32)})

    assert _steps_apart(_rounded_run(model, x), np.asarray(theirs).astype(np.float16)) <= 1


def test_numbers_between_two_halves_are_rounded_to_the_even_one_and_large_ones_are_infinite() -> None:
    model = _half_model("y = Add(x, w)")
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((1, 4, 6, 6), np.float16), "w"))
    x = np.zeros((1, 4, 6, 6), np.float16)
    x.flat[:4] = [2048, 2050, 65504, -65504]  # from 2048 on, half counts in twos
    x.flat[4] = np.nan

    y = _rounded_run(model, x).ravel()

    assert y[:4].tolist() == [2048, 2052, 65504, -65504]
    assert np.isnan(y[4])
    assert _rounded_run(_half_model("y = Mul(x, x)"), x).ravel()[2] == np.inf


def test_every_half_number_passes_and_every_number_between_is_rounded_as_numpy_does() -> None:
    model = onnx.parser.parse_model("""
        <ir_version: 10, opset_import: ["" : 20]>
        operators (float[n] x) => (float[n] y) { h = Cast<to = 10>(x) y = Cast<to = 1>(h) }
    """)
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    finite = np.sort(every[np.isfinite(every)])
    middle = (finite[1:] + finite[:-1]) / 2
    infinity = np.float32(np.inf)
    x = np.concatenate([every, middle, np.nextafter(middle, infinity), np.nextafter(middle, -infinity)])

    (y,) = open_calculator(rounded(model), optimised=True).run(["y"], {"x": x})

    np.testing.assert_array_equal(y, x.astype(np.float16).astype(np.float32))


_PAIR = """
    <ir_version: 10, opset_import: ["" : 20]>
    pair (float16[1, 4, 6, 6] x) => (float16[1, 4, 6, 6] y)
    <int8[4, 4, 1, 1] k, float16[4] each, float16 scale, int8[4] zeros = {0, 0, 0, 0}, int8 zero = {0}>
    {
        q = QuantizeLinear(x, scale, zero)
        d = DequantizeLinear(q, scale, zero)
        weights = DequantizeLinear<axis = 0>(k, each, zeros)
        y = Conv(d, weights)
    }
"""


def test_a_quantized_convolution_is_computed_from_int8_numbers_and_half_products() -> None:
    k = np.random.default_rng(5).integers(-127, 128, (4, 4, 1, 1), np.int8)
    each = np.array([0.011, 0.5, 0.0001, 0.07], np.float16)
    model = onnx.parser.parse_model(_PAIR)
    scale = np.float16(0.013)
    weights_of_it = {"k": k, "each": each, "scale": np.array(scale)}
    model.graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in weights_of_it.items())
    x = _numbers(0)

    y = _rounded_run(model, x)

    q = np.clip(np.rint(x.astype(np.float32) / np.float32(scale)), -128, 127)
    d = (q * np.float32(scale)).astype(np.float16).astype(np.float32)
    weights = (k * each.astype(np.float32).reshape(4, 1, 1, 1)).astype(np.float16).astype(np.float32)
    assert (q == -128).any()
    assert (q == 127).any()
    expected = np.einsum("oi,nihw->nohw", weights[:, :, 0, 0], d).astype(np.float16)
    assert _steps_apart(y, expected) <= 1
    # The reference divides in half: where that falls on a tie, its Q is one step off.
    (theirs,) = ReferenceEvaluator(model).run(["q"], {"x": x})
    assert np.abs(np.asarray(theirs) - q).max() <= 1


def test_the_half_file_itself_is_left_as_it_was() -> None:
    model = _half_model(_SUMS[0])
    before = model.SerializeToString()

    rounded(model)

    assert model.SerializeToString() == before


def test_a_whole_network_agrees_with_the_reference_evaluator(exported: OnnxExport) -> None:
    half = half_from_single(exported.model)
    image = np.random.default_rng(0).integers(0, 256, (1, *CONTRACT.input_hw, 3), np.uint8)
    theirs = ReferenceEvaluator(half).run(None, {"image": image}, intermediate=True)
    assert isinstance(theirs, dict)

    ours = half_values(half, image)

    made = [name for node in half.graph.node for name in node.output]
    assert set(made) == set(ours)
    for name in made:
        assert ours[name].dtype == theirs[name].dtype
        np.testing.assert_allclose(ours[name], theirs[name], atol=4e-3)  # its convolutions add up in half


def test_a_u_net_agrees_with_the_reference_evaluator() -> None:
    contract = ModelContract(input_hw=(32, 32))
    half = half_from_single(onnx_from_torch(create("unet", base=2).eval(), contract).model)
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    (theirs,) = ReferenceEvaluator(half).run(None, {"image": images})

    ours = HalfEngine(half, contract).infer(images)

    assert ours.std() > 0
    np.testing.assert_allclose(ours, np.asarray(theirs, np.float32), atol=1e-3)


def test_an_open_batch_gives_what_a_batch_of_one_gives() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, *CONTRACT.input_hw, 3), np.uint8)
    open_batch, one = (
        HalfEngine(half_from_single(onnx_from_torch(Darkness(), CONTRACT, dynamic_batch=free).model), CONTRACT)
        for free in (True, False)
    )

    assert open_batch.infer(images).shape == (3, 1, *CONTRACT.input_hw)
    np.testing.assert_array_equal(open_batch.infer(images), one.infer(images))


def test_the_rounded_graph_asks_for_no_arithmetic_in_half(exported: OnnxExport) -> None:
    graph = onnx.shape_inference.infer_shapes(rounded(half_from_single(exported.model))).graph
    in_half = {each.name for each in graph.value_info if each.type.tensor_type.elem_type == TensorProto.FLOAT16}

    assert in_half
    for node in graph.node:
        if in_half.intersection([*node.input, *node.output]):
            assert node.op_type == "Cast"
