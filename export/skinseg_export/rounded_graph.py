"""Write a half-precision ONNX file as an fp32 graph that rounds to half wherever the file holds a half value.

ONNX Runtime's CPU evaluates a half file in fp32 and hides overflow and rounding. In the rounded graph every operator
computes in fp32 on half numbers and its result passes through Cast(FLOAT16) and Cast(FLOAT): rounded to nearest even,
infinite beyond 65504. That is what tensor cores do (products and sums in fp32, one rounding of the result), and ONNX
Runtime runs it about as fast as the fp32 file, with the same bits at every level of optimisation but for the order of
sums.
"""

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

import numpy as np

from skinseg_export.half_precision import half_value_names

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, TypeProto

__all__ = ["rounded"]

# What these give out is one of the numbers they read, or its negative: a half number stays one.
_MOVERS = frozenset(
    {
        "Abs",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "GlobalMaxPool",
        "Identity",
        "Max",
        "MaxPool",
        "Min",
        "Neg",
        "Pad",
        "ReduceMax",
        "ReduceMin",
        "Relu",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)


def rounded(half: "ModelProto") -> "ModelProto":
    """Return the fp32 graph that computes what *half* computes in half precision, under the same names of values.

    Values that *half* holds in half are float32 numbers that half holds exactly, inf or NaN. Quantized files, too: a Q
    divides in fp32 and rounds to nearest even, the product of a DQ is rounded to half. A MaxPool drops a NaN beside
    other numbers, as GPUs do.
    """
    import onnx

    in_half = half_value_names(half)
    result = onnx.ModelProto()
    result.CopyFrom(half)
    graph = result.graph
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(each for node in half.graph.node for each in _rounding(node, in_half))
    graph.initializer.extend(_single(weight) for weight in half.graph.initializer)
    for value in (*graph.input, *graph.output):
        _retype(value.type)
    return result


def _rounding(node: "NodeProto", in_half: Set[str]) -> "Iterator[NodeProto]":
    """Yield *node* in fp32, and behind it the casts that round its half outputs."""
    import onnx

    exact = onnx.NodeProto()
    exact.CopyFrom(node)
    for attribute in exact.attribute:
        if attribute.HasField("t"):
            attribute.t.CopyFrom(_single(attribute.t))
        elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT16:
            attribute.i = onnx.TensorProto.FLOAT
    to_round = [] if node.op_type in _MOVERS else [each for each in node.output if each in in_half]
    for position, name in enumerate(node.output):
        if name in to_round:
            exact.output[position] = f"{name}.exact"
    yield exact
    for name in to_round:
        yield from _casts(name)


def _casts(name: str) -> "Iterator[NodeProto]":
    from onnx import TensorProto, helper

    yield helper.make_node("Cast", [f"{name}.exact"], [f"{name}.rounded"], f"{name}/Round", to=TensorProto.FLOAT16)
    yield helper.make_node("Cast", [f"{name}.rounded"], [name], f"{name}/Widen", to=TensorProto.FLOAT)


def _single(weight: "TensorProto") -> "TensorProto":
    from onnx import TensorProto, numpy_helper

    if weight.data_type != TensorProto.FLOAT16:
        return weight
    return numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float32), weight.name)


def _retype(kind: "TypeProto") -> None:
    from onnx import TensorProto

    if kind.tensor_type.elem_type == TensorProto.FLOAT16:
        kind.tensor_type.elem_type = TensorProto.FLOAT
