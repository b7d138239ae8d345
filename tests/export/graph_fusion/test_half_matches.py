"""Graphs of other people's networks that have a pattern nearly, or half, or whose values others read as well."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from skinseg_export.calculator import open_calculator
from skinseg_export.graph_fusion import FusedGraph, fused

_EXACT = 1e-5


def _model(text: str, **weights: np.ndarray) -> onnx.ModelProto:
    model: onnx.ModelProto = parser.parse_model(text)
    model.graph.initializer.extend(numpy_helper.from_array(each, name) for name, each in weights.items())
    onnx.checker.check_model(model, full_check=True)
    return model


def _answers(model: onnx.ModelProto) -> np.ndarray:
    given = model.graph.input[0]
    shape = [side.dim_value for side in given.type.tensor_type.shape.dim]
    values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    outputs = [each.name for each in model.graph.output]
    found = open_calculator(model, optimised=False).run(outputs, {given.name: values})
    return np.concatenate([np.asarray(each, np.float32).ravel() for each in found])


def _same(model: onnx.ModelProto) -> FusedGraph:
    """Fuse *model*, which must stay a graph that gives the same answers."""
    found = fused(model)
    onnx.checker.check_model(found.model, full_check=True)
    assert np.abs(_answers(found.model) - _answers(model)).max() <= _EXACT
    return found


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(6).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("opset", [18, 20])
def test_a_gelu_whose_division_others_read_keeps_the_division(opset: int) -> None:
    model = _model(f"""<ir_version: 9, opset_import: ["": {opset}]>
        g (float[1, 4, 6, 6] x) => (float[1, 4, 6, 6] y)
        <float root = {{1.4142135}}, float one = {{1.0}}, float half = {{0.5}}>
        {{
            divided = Div(x, root) erf = Erf(divided) raised = Add(erf, one) halved = Mul(raised, half)
            gelu = Mul(x, halved) y = Add(gelu, divided)
        }}""")

    assert _same(model).rewritten["gelu"] == 1


def test_a_graph_with_a_branch_is_left_as_it_is() -> None:
    model = _model("""<ir_version: 9, opset_import: ["": 18]>
        g (float[1, 4, 6, 6] x) => (float[1, 4, 6, 6] y)
        <float[4, 1, 1] w = {1.0, 2.0, 3.0, 4.0}, float[4, 1, 1] b = {1.0, 2.0, 3.0, 4.0}, bool c = {1}>
        {
            start = Relu(x) scaled = Mul(start, w) shifted = Add(scaled, b) inside = Exp(x)
            y = If(c) <
                then_branch = t () => (float[1, 4, 6, 6] z) { z = Mul(inside, shifted) },
                else_branch = u () => (float[1, 4, 6, 6] v) { v = Identity(shifted) }
            >
        }""")

    found = _same(model)

    assert not any(found.rewritten.values())
    assert [node.op_type for node in found.model.graph.node] == ["Relu", "Mul", "Add", "Exp", "If"]


def test_inputs_and_outputs_that_are_left_out_join_no_nodes() -> None:
    # The GRU leaves out its first output, and the Resize in front of it its second input: both have the empty name.
    model = _model(
        """<ir_version: 9, opset_import: ["": 18]>
        g (float[1, 4, 6, 6] x) => (float[1, 1, 5] y)
        <float[4, 1, 1] w = {1.0, 2.0, 3.0, 4.0}, float[4, 1, 1] b = {1.0, 2.0, 3.0, 4.0},
         int64[4] sizes = {1, 4, 3, 3}, int64[3] rows = {4, 1, 9}>
        {
            start = Relu(x) scaled = Mul(start, w) shifted = Add(scaled, b)
            small = Resize<mode = "nearest">(shifted, "", "", sizes)
            sequence = Reshape(small, rows)
            "", y = GRU<hidden_size = 5>(sequence, kernel, recurrence)
        }""",
        kernel=_random(1, 15, 9),
        recurrence=_random(1, 15, 5),
    )

    assert _same(model).rewritten["affine"] == 1


def _attended(strides: int = 1, repeats: tuple[int, ...] = (1, 2, 1, 1), pads: int = 0) -> onnx.ModelProto:
    """The nine copies of two channels, their shares and the convolution behind, of *strides* and *pads*."""
    side = (6 + 2 * pads - 1) // strides + 1
    shape = [repeats[0], 3, side, side]
    shifts = np.tile(np.eye(9, dtype=np.float32).reshape(9, 1, 3, 3), (2, 1, 1, 1))
    nodes = [
        helper.make_node("Conv", ["x", "shifts"], ["copies"], group=2, pads=[1] * 4, kernel_shape=[3, 3]),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"]),
        helper.make_node("Mul", ["mean", "shares"], ["share"]),
        helper.make_node("Tile", ["share", "repeats"], ["repeated"]),
        helper.make_node("Mul", ["copies", "repeated"], ["weighed"]),
        helper.make_node(
            "Conv", ["weighed", "kernel"], ["y"], kernel_shape=[1, 1], strides=[strides] * 2, pads=[pads] * 4
        ),
    ]
    weights = {
        "shifts": shifts,
        "axes": np.array([1, 2, 3]),
        "shares": _random(1, 9, 1, 1),
        "repeats": np.array(repeats),
        "kernel": _random(3, 18, 1, 1),
    }
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides)
        for name, sides in (("x", [1, 2, 6, 6]), ("y", shape))
    ]
    stored = [numpy_helper.from_array(each, name) for name, each in weights.items()]
    graph = helper.make_graph(nodes, "attended", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_nine_copies_become_a_kernel() -> None:
    assert _same(_attended()).rewritten["kernels-at-run-time"] == 1


@pytest.mark.parametrize("model", [_attended(strides=2), _attended(pads=1), _attended(repeats=(2, 2, 1, 1))])
def test_nine_copies_stay_where_the_convolution_behind_skips_pads_or_gives_more_pictures(
    model: onnx.ModelProto,
) -> None:
    assert _same(model).rewritten["kernels-at-run-time"] == 0


def test_a_kernel_on_one_place_takes_its_factor_from_the_other_side() -> None:
    # On 1 x 1 features the convolution's own answer looks like a number for each channel.
    model = _attended()
    for value, side in ((model.graph.input[0], 1), (model.graph.output[0], 1)):
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_value = side
    model.graph.node[-1].output[0] = "mixed"
    model.graph.node.extend(
        [helper.make_node("Sigmoid", ["mixed_of"], ["filters"]), helper.make_node("Mul", ["filters", "mixed"], ["y"])]
    )
    model.graph.node.insert(0, helper.make_node("Conv", ["x", "squeeze"], ["mixed_of"], kernel_shape=[1, 1]))
    model.graph.initializer.append(numpy_helper.from_array(_random(3, 2, 1, 1), "squeeze"))

    assert _same(model).rewritten["kernels-at-run-time"] == 1


def _pooled(axis: int, taps: int, channels: int) -> onnx.ModelProto:
    """A 1-D convolution of *taps* along pooled channels that were joined along *axis*, and a 1 x 1 convolution."""
    both = channels * 2 if axis == 1 else channels
    return _model(
        f"""<ir_version: 9, opset_import: ["": 18]>
        g (float[1, {channels}, 6, 6] x) => (float[{1 if axis else 2}, 3, 1, 1] y)
        <int64[2] axes = {{2, 3}}, int64[1] second = {{1}}, int64[1] last = {{3}}>
        {{
            doubled = Add(x, x)
            one = ReduceMean<keepdims = 0>(x, axes) two = ReduceMean<keepdims = 0>(doubled, axes)
            joined = Concat<axis = {axis}>(one, two)
            row = Unsqueeze(joined, second)
            mixed = Conv<kernel_shape = [{taps}], pads = [{taps // 2}, {taps // 2}]>(row, mixing)
            turned = Transpose<perm = [0, 2, 1]>(mixed)
            column = Unsqueeze(turned, last)
            y = Conv<kernel_shape = [1, 1]>(column, filters)
        }}""",
        mixing=_random(1, 1, taps),
        filters=_random(3, both, 1, 1),
    )


@pytest.mark.parametrize(
    ("axis", "taps", "channels", "times"),
    [(1, 3, 4, 1), (1, 11, 2, 1), (0, 3, 4, 0)],
    ids=["joined", "long", "stacked"],
)
def test_channels_that_are_mixed_along_a_row_stay_right(axis: int, taps: int, channels: int, times: int) -> None:
    assert _same(_pooled(axis, taps, channels)).rewritten["mixed-channels"] == times


def test_weights_that_two_layers_share_stay_as_they_are_for_the_other() -> None:
    model = _model(
        """<ir_version: 9, opset_import: ["": 18]>
        g (float[1, 4, 6, 6] x) => (float[1, 4, 6, 6] y)
        <int64[2] axes = {2, 3}>
        {
            pooled = ReduceMean(x, axes)
            one = Conv<kernel_shape = [1, 1]>(pooled, shared) first = Sigmoid(one)
            two = Conv<kernel_shape = [1, 1]>(pooled, shared, bias) second = Sigmoid(two)
            plain = Conv<kernel_shape = [1, 1]>(x, shared)
            gated = Mul(plain, first) y = Mul(gated, second)
        }""",
        shared=_random(4, 4, 1, 1),
        bias=_random(4),
    )

    assert _same(model).rewritten["siblings"] == 1


def test_values_that_the_graph_gives_out_are_still_given_out() -> None:
    model = _model("""<ir_version: 9, opset_import: ["": 18]>
        g (float[1, 4, 6, 6] x) => (float[1, 4, 6, 6] scaled, float[1, 4, 6, 6] y, float[1, 2, 6, 6] part)
        <float[4, 1, 1] w = {1.0, 2.0, 3.0, 4.0}, float[4, 1, 1] b = {1.0, 2.0, 3.0, 4.0}, int64[2] cuts = {2, 2}>
        {
            start = Relu(x) scaled = Mul(start, w) y = Add(scaled, b)
            left, right = Split<axis = 1>(x, cuts)
            joined = Concat<axis = 1>(left, right)
            part, rest = Split<axis = 1>(joined, cuts)
            unread = Exp(rest)
        }""")

    found = _same(model)

    assert [each.name for each in found.model.graph.output] == ["scaled", "y", "part"]
    assert (found.rewritten["affine"], found.rewritten["split-of-joined"]) == (0, 0)
