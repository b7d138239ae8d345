"""How far the values of an fp32 ONNX file reach on pictures, and which nodes therefore do not become half."""

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_export.calculator import open_calculator
from skinseg_export.deployed_graph import INPUT_NAME
from skinseg_export.inferred_shapes import inferred_graph
from skinseg_export.single_nodes import values_inside_recurrences

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

__all__ = ["LONG_REDUCTION", "SAFE_REACH", "RangeScan", "scan_ranges", "value_reaches"]

SAFE_REACH = 2.0**15  # half of half's range: other pictures reach further than those that were scanned
LONG_REDUCTION = 2**16  # elements in one sum; beyond, a sum of half values leaves the range or stops growing

# One number out for many in: how many, their sizes tell.
_SUMS = frozenset(
    {
        "AveragePool",
        "GlobalAveragePool",
        "GlobalLpPool",
        "LpPool",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
    }
)
# As many out as in, with sums over some axes in between.
_SUMS_ALONG = frozenset({"LogSoftmax", "Softmax"})
_SUMS_FROM = frozenset({"LayerNormalization", "RMSNormalization"})
_SUMS_OF_CHANNELS = frozenset({"GroupNormalization", "InstanceNormalization"})

Sizes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class RangeScan:
    """*reaches*: largest |x| that each node gave out, by the node's name, in the order of computation; NaN is inf.

    Nodes inside a recurrence are not in it.

    *long_reductions*: names of the nodes that add up more than 2^16 elements. *values*: the same reaches by the name
    of each value, for a node may give out several.
    """

    reaches: Mapping[str, float]
    long_reductions: tuple[str, ...]
    values: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def largest(self) -> tuple[str, float]:
        """The node that reaches farthest, and how far."""
        return max(self.reaches.items(), key=lambda pair: pair[1], default=("", 0.0))

    def kept(self, single: "ModelProto") -> frozenset[str]:
        """Return the nodes of *single* to keep fp32: an output or a float input beyond 2^15, or a long reduction."""
        makers = {name: node.name for node in single.graph.node for name in node.output}
        loud = {name for name, reach in self.reaches.items() if not reach <= SAFE_REACH}
        found = {*loud, *self.long_reductions}
        return frozenset(
            node.name
            for node in single.graph.node
            # A Q or DQ has the precision of its neighbour.
            if node.op_type not in ("QuantizeLinear", "DequantizeLinear")
            and (node.name in found or any(makers.get(name) in loud for name in node.input))
        )


def scan_ranges(single: "ModelProto", images: Iterable[NDArray[np.uint8]]) -> RangeScan:
    """Run the fp32 model *single* on *images*, (1, H, W, 3) uint8 RGB each at network size, and note every reach.

    What stays inside a recurrence, which half arithmetic never holds, is left out.
    """
    made = {name for node in single.graph.node for name in node.output}
    values = value_reaches(single, images, made - values_inside_recurrences(single))
    reaches: dict[str, float] = {}
    for node in single.graph.node:
        found = [values[name] for name in node.output if name in values]
        if found:
            reaches[node.name] = max(found)
    sizes = _sizes(single)
    long = (node.name for node in single.graph.node if _summed(node, sizes) > LONG_REDUCTION)
    return RangeScan(reaches, tuple(long), values)


def value_reaches(
    single: "ModelProto", images: Iterable[NDArray[np.uint8]], names: Set[str] | None = None
) -> dict[str, float]:
    """Return the largest |x| of each float value of *single* on *images* ((1, H, W, 3) uint8 RGB), NaN as inf.

    *names*: of the values to look at; None looks at all that nodes make. Values stay inside ONNX Runtime, where each
    goes with its last reader.
    """
    import onnx

    measured = onnx.ModelProto()
    measured.CopyFrom(single)
    del measured.graph.value_info[:]
    measured.graph.value_info.extend(inferred_graph(single).value_info)
    floats = [name for name in _float_values(measured) if names is None or name in names]
    if not floats:
        return {}
    _measure(measured, floats)
    calculator = open_calculator(measured, optimised=False)
    asked = [value.name for value in measured.graph.output]
    reaches = dict.fromkeys(floats, 0.0)
    for image in images:
        answers = [float(number) for number in calculator.run(asked, {INPUT_NAME: image})]
        for name, reach, total in zip(floats, answers[::2], answers[1::2], strict=True):
            reaches[name] = max(reaches[name], math.inf if math.isnan(total) else reach)
    return reaches


def _float_values(measured: "ModelProto") -> "Iterator[str]":
    """Yield the float32 values that nodes make, none of them empty, in the order of computation."""
    from onnx import TensorProto

    values = {value.name: value for value in (*measured.graph.value_info, *measured.graph.output)}
    for node in measured.graph.node:
        for name in node.output:
            value = values.get(name)
            if value is None or value.type.tensor_type.elem_type != TensorProto.FLOAT:
                continue
            # ONNX Runtime finds no maximum of nothing.
            if not any(side.HasField("dim_value") and side.dim_value == 0 for side in value.type.tensor_type.shape.dim):
                yield name


def _measure(measured: "ModelProto", floats: list[str]) -> None:
    """Replace the outputs of *measured* by two numbers for each of *floats*: its reach, and a sum that NaN spoils."""
    from onnx import TensorProto, helper

    nodes = list(measured.graph.node)
    del measured.graph.node[:], measured.graph.output[:]
    wanted = set(floats)
    for node in nodes:
        measured.graph.node.append(node)
        for name in wanted.intersection(node.output):
            measured.graph.node.extend(_measuring(name))
    for name in floats:
        for each in (f"{name}.reach", f"{name}.total"):
            measured.graph.output.append(helper.make_tensor_value_info(each, TensorProto.FLOAT, []))


def _measuring(name: str) -> "Iterator[NodeProto]":
    from onnx import helper

    yield helper.make_node("Abs", [name], [f"{name}.size"])
    yield helper.make_node("ReduceMax", [f"{name}.size"], [f"{name}.reach"], keepdims=0)
    # ONNX Runtime's ReduceMax passes over a NaN.
    yield helper.make_node("ReduceSum", [f"{name}.size"], [f"{name}.total"], keepdims=0)


def _sizes(single: "ModelProto") -> Sizes:
    """Map each value of *single* to its shape; a side that the file leaves open, the batch, counts as 1."""
    graph = inferred_graph(single)
    return {value.name: _shape(value) for value in (*graph.input, *graph.value_info, *graph.output)}


def _shape(value: "ValueInfoProto") -> tuple[int, ...]:
    return tuple(side.dim_value or 1 for side in value.type.tensor_type.shape.dim)


def _summed(node: "NodeProto", sizes: Sizes) -> int:
    """Return how many elements *node* adds up for each number it gives out; 0 where it is no such sum."""
    if not node.input or node.input[0] not in sizes:
        return 0
    shape = sizes[node.input[0]]
    if node.op_type in _SUMS and node.output[0] in sizes:
        return _summed_by_window(node) or math.prod(shape) // math.prod(sizes[node.output[0]])
    if node.op_type in _SUMS_ALONG:
        return shape[_integer(node, "axis", -1)]
    if node.op_type in _SUMS_FROM:
        return math.prod(shape[_integer(node, "axis", -1) :])
    if node.op_type in _SUMS_OF_CHANNELS:
        return math.prod(shape[2:]) * shape[1] // _integer(node, "num_groups", shape[1])
    return 0


def _summed_by_window(node: "NodeProto") -> int:
    """Return the size of a pooling window, 0 where *node* has none; windows may overlap or leave gaps."""
    windows = [attribute.ints for attribute in node.attribute if attribute.name == "kernel_shape"]
    return math.prod(windows[0]) if windows else 0


def _integer(node: "NodeProto", name: str, default: int) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), default)
