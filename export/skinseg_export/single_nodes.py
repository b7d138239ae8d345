"""Which nodes of an ONNX graph stay in single precision when the rest is written in half.

Large sums and normalisations, what leads to a hard gate, recurrences, the way from the pixels to the first layer, and
the final activation.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["SINGLE_OPERATORS", "single_nodes", "values_inside_recurrences"]

# Sums over many elements, and what divides by their spread: a mean over more than 2^16 half values is wrong or inf,
# an epsilon of 1e-5 is near the smallest half, and exp leaves the range at 11.
SINGLE_OPERATORS = frozenset(
    {
        "Exp",
        "GlobalAveragePool",
        "GroupNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "Log",
        "LogSoftmax",
        "Pow",
        "ReduceL2",
        "ReduceLogSumExp",
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
        "Reciprocal",
        "Softmax",
        "Softplus",
        "Sqrt",
    }
)
_COMPARISONS = frozenset({"Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
# Steps that may lie between a normalisation and the comparison of a hard gate: rounding there would flip the gate.
_GATE_STEPS = frozenset({"Add", "Div", "Mul", "Reshape", "Sub", "Transpose"})
# Steps of a recurrence whose states decay by an exponential: rounded to half, an error would be carried on through
# thousands of them. Forwards they reach from the decay to the next layer, backwards from there to the layer before.
_RECURRENCE_STEPS = frozenset({"Add", "Mul", "Pad", "Reshape", "Slice", "Split", "Transpose"})
_RECURRENCE_ENDS = frozenset({"Concat", "MatMul", "ReduceSum"})
# Steps between the uint8 input and the network's first layer: they stay fp32 with the input's exact pixel values.
_INPUT_STEPS = frozenset({"Add", "Cast", "Div", "Mul", "Sub", "Transpose"})


def single_nodes(model: "ModelProto") -> set[int]:
    """Return the indices of the nodes of *model* that stay fp32."""
    nodes = model.graph.node
    outputs = {value.name for value in model.graph.output}
    kept = {
        index
        for index, node in enumerate(nodes)
        if node.op_type in SINGLE_OPERATORS or outputs.intersection(node.output)
    }
    kept |= _gate_nodes(nodes) | _recurrence_nodes(nodes)
    reader = _only_reader(nodes)
    value = model.graph.input[0].name
    while value in reader and nodes[reader[value]].op_type in _INPUT_STEPS:
        kept.add(reader[value])
        value = nodes[reader[value]].output[0]
    return kept


def values_inside_recurrences(model: "ModelProto") -> set[str]:
    """Return the names of the values that steps of a recurrence hand to each other and to nobody else."""
    nodes = model.graph.node
    inside = _recurrence_nodes(nodes) | {index for index, node in enumerate(nodes) if node.op_type == "Exp"}
    read_outside = {name for index, node in enumerate(nodes) if index not in inside for name in node.input}
    read_outside.update(value.name for value in model.graph.output)
    return {name for index in inside for name in nodes[index].output} - read_outside


def _gate_nodes(nodes: "Sequence[NodeProto]") -> set[int]:
    """Return the indices of the comparisons and of the steps that lead to them from the last layer or normalisation."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output}
    found: set[int] = set()
    open_ends = [index for index, node in enumerate(nodes) if node.op_type in _COMPARISONS]
    while open_ends:
        index = open_ends.pop()
        found.add(index)
        makers = (maker[name] for name in nodes[index].input if name in maker)
        open_ends += [each for each in makers if nodes[each].op_type in _GATE_STEPS and each not in found]
    return found


def _recurrence_nodes(nodes: "Sequence[NodeProto]") -> set[int]:
    """Return the indices of the steps around every exponential: those that it decays and those that feed them."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output}
    readers: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(index)
    exponentials = [index for index, node in enumerate(nodes) if node.op_type == "Exp"]

    def behind(index: int) -> list[int]:
        return [reader for name in nodes[index].output for reader in readers.get(name, [])]

    def before(index: int) -> list[int]:
        return [maker[name] for name in nodes[index].input if name in maker]

    decayed = _reached(nodes, exponentials, behind, _RECURRENCE_STEPS | _RECURRENCE_ENDS)
    return decayed | _reached(nodes, [*exponentials, *decayed], before, _RECURRENCE_STEPS)


def _reached(
    nodes: "Sequence[NodeProto]", starts: Iterable[int], neighbours: Callable[[int], list[int]], through: frozenset[str]
) -> set[int]:
    """Return the indices of the nodes that *neighbours* leads to from *starts*, over the kinds in *through*."""
    found: set[int] = set()
    open_ends = [each for start in starts for each in neighbours(start)]
    while open_ends:
        index = open_ends.pop()
        if nodes[index].op_type in through and index not in found:
            found.add(index)
            open_ends += neighbours(index)
    return found


def _only_reader(nodes: "Iterable[NodeProto]") -> dict[str, int]:
    """Map each value that exactly one node reads to that node's index."""
    readers: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(index)
    return {name: found[0] for name, found in readers.items() if len(found) == 1}
