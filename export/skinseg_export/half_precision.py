"""Rewrite an fp32 ONNX file in half precision, with the types in the file itself (strongly typed).

Own pass over the fp32 graph rather than `network.half()` before the export: value and node names stay those of the
fp32 file, so a layer that leaves its tolerance can be named, and the choice of what stays fp32 stands in one place,
`single_nodes`. What a range scan found to leave half's range stays fp32 beside it.
"""

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

import numpy as np

from skinseg_edge.errors import InputError, ParityFailed
from skinseg_edge.known_names import first_names
from skinseg_export.inferred_shapes import inferred_graph
from skinseg_export.onnx_from_torch import check_model, set_metadata
from skinseg_export.single_nodes import single_nodes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["HALF_LIMIT", "half_from_single", "half_value_names", "kept_names"]

HALF_LIMIT = 65504.0  # the largest number of half precision

# Inputs that ONNX defines as float32 whatever the data's type: region of interest and scales.
_SINGLE_INPUTS = {"Resize": frozenset({1, 2})}
_MOST_NAMES = 20
_LARGEST_LOSS = 1e-2  # of a weight's 2-norm
_PLAINLY_HELD = 1e-5  # root mean square of a weight: 3e-8 is a third of _LARGEST_LOSS of it
_CARRIERS_OF_GRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})


def half_from_single(single: "ModelProto", keep: Set[str] = frozenset()) -> "ModelProto":
    """Return the half-precision model of *single*: the same uint8 input, the same float32 output, half in between.

    *keep*: names of nodes that stay fp32, beside what `single_nodes` names and the nodes whose weights are beyond
    half's range, above or below; they stand between explicit casts. The file records both as `skinseg.kept_fp32`.
    Q/DQ pairs (opset 19 or later) stay whole: a Q takes the precision of what it reads, a DQ that of its reader.

    Raises ParityFailed if the graph holds control flow, naming the node; InputError if *keep* names no node.
    """
    _check_no_control_flow(single)
    kept = _kept_nodes(single, keep)
    always = single_nodes(single)
    half = _Rewriter(single, kept | always).run()
    names = [node.name for index, node in enumerate(single.graph.node) if index in kept - always]
    set_metadata(half, {"kept_fp32": _listed(names)})
    if not any(node.op_type == "QuantizeLinear" for node in half.graph.node):  # else it stays what it is: int8
        set_metadata(half, {"precision": "fp16"})
    check_model(half)
    _check_borders(single, half)
    return half


def kept_names(half: "ModelProto") -> str:
    """Return which nodes *half* keeps in fp32 beyond the rule, as the file records it: names, or "none"."""
    return next((prop.value for prop in half.metadata_props if prop.key == "skinseg.kept_fp32"), "none")


def half_value_names(half: "ModelProto") -> set[str]:
    """Return the names of all values of *half* that stand in half precision, weights left out."""
    import onnx

    graph = inferred_graph(half, strict=True)
    values = {each.name: each.type.tensor_type.elem_type for each in (*graph.input, *graph.value_info, *graph.output)}
    unknown = {name for node in graph.node for name in node.output if name} - values.keys()
    if unknown:
        raise AssertionError(f"the types of {sorted(unknown)} are not known")
    return {name for name, kind in values.items() if kind == onnx.TensorProto.FLOAT16}


def _check_no_control_flow(single: "ModelProto") -> None:
    for node in single.graph.node:
        if node.op_type in _CARRIERS_OF_GRAPHS:
            raise ParityFailed(
                f"cannot write half precision: node {node.name} is a {node.op_type}, whose body this pass does not "
                "rewrite; export with --precision fp32"
            )


def _kept_nodes(single: "ModelProto", keep: Set[str]) -> set[int]:
    """Return the indices of the nodes that *keep* names and of those that read a weight which half cannot hold."""
    from onnx import TensorProto

    unknown = keep - {node.name for node in single.graph.node}
    if unknown:
        raise InputError(f"cannot keep {first_names(sorted(unknown))} in fp32: the ONNX file has no node of that name")
    floats = (each for each in single.graph.initializer if each.data_type == TensorProto.FLOAT)
    unheld = {each.name for each in floats if not _half_holds(each)}
    return {
        index
        for index, node in enumerate(single.graph.node)
        if node.name in keep
        or any(name in unheld for name in _half_inputs(node))
        or any(each.t.data_type == TensorProto.FLOAT and not _half_holds(each.t) for each in node.attribute)
    }


def _half_inputs(node: "NodeProto") -> Iterable[str]:
    always_single = _SINGLE_INPUTS.get(node.op_type, frozenset())
    return (name for position, name in enumerate(node.input) if position not in always_single)


def _half_holds(weight: "TensorProto") -> bool:
    """Say whether the numbers of *weight* are in half's range, and not so small that it loses them."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(weight)
    if max(values.max(initial=0.0), -values.min(initial=0.0)) > HALF_LIMIT:
        return False
    # Rounding costs 5e-4 at most, and 3e-8 a number where half has fewer and fewer digits: too little to ask how much.
    if np.linalg.norm(values.ravel()) > _PLAINLY_HELD * values.size**0.5:
        return True
    exact = values.astype(np.float64)
    lost = np.linalg.norm(exact - exact.astype(np.float16))
    return bool(lost <= _LARGEST_LOSS * np.linalg.norm(exact))


def _listed(names: list[str]) -> str:
    if not names:
        return "none"
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


class _Rewriter:
    """One walk over the nodes in order, with the precision in which each float value stands."""

    def __init__(self, single: "ModelProto", kept: Set[int]) -> None:
        from onnx import TensorProto

        self._source = single
        self._weights = {weight.name: weight for weight in single.graph.initializer}
        inferred = inferred_graph(single, strict=True)
        values = (*inferred.value_info, *inferred.input, *inferred.output)
        self._is_float = {value.name: value.type.tensor_type.elem_type == TensorProto.FLOAT for value in values}
        self._is_float.update({w.name: w.data_type == TensorProto.FLOAT for w in single.graph.initializer})
        self._stands_half: set[str] = set()  # values that the rewritten graph makes in half
        self._made: set[str] = set()  # casts and converted weights that already exist
        self._nodes: list[NodeProto] = []
        self._new_weights: list[TensorProto] = []
        self._kept = kept
        self._dequantized: dict[str, NodeProto] = {}  # written when read, in the reader's precision

    def run(self) -> "ModelProto":
        import onnx

        for index, node in enumerate(self._source.graph.node):
            if node.op_type == "DequantizeLinear":
                self._dequantized[node.output[0]] = node
            elif node.op_type == "QuantizeLinear":
                self._convert(node, to_half=node.input[0] in self._stands_half)
            else:
                self._convert(node, to_half=index not in self._kept)
        half = onnx.ModelProto()
        half.CopyFrom(self._source)
        del half.graph.node[:], half.graph.initializer[:], half.graph.value_info[:]
        half.graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = [weight for weight in self._source.graph.initializer if weight.name in used]
        half.graph.initializer.extend([*kept, *self._new_weights])
        return half

    def _convert(self, node: "NodeProto", *, to_half: bool) -> None:
        import onnx

        rewritten = onnx.NodeProto()
        rewritten.CopyFrom(node)
        always_single = _SINGLE_INPUTS.get(node.op_type, frozenset())
        for position, name in enumerate(node.input):
            if self._is_float.get(name, False):
                wants_half = to_half and position not in always_single
                rewritten.input[position] = self._in_precision(name, half=wants_half)
        if to_half:
            _retype_attributes(rewritten)
            self._stands_half.update(name for name in node.output if self._is_float.get(name, False))
        self._nodes.append(rewritten)

    def _in_precision(self, name: str, *, half: bool) -> str:
        if name in self._weights:
            return self._half_weight(name) if half else name
        if name in self._dequantized:
            return self._dequantize(self._dequantized[name], half=half)
        if (name in self._stands_half) == half:
            return name
        converted = f"{name}.{'half' if half else 'single'}"
        if converted not in self._made:
            self._made.add(converted)
            self._nodes.append(_cast_node(name, converted, half=half))
        return converted

    def _dequantize(self, node: "NodeProto", *, half: bool) -> str:
        import onnx

        # A Cast between a DQ and its convolution would hide the pair from the builders that fuse it.
        converted = node.output[0] if half else f"{node.output[0]}.single"
        if converted not in self._made:
            self._made.add(converted)
            rewritten = onnx.NodeProto()
            rewritten.CopyFrom(node)
            rewritten.input[1] = self._in_precision(node.input[1], half=half)
            rewritten.output[0] = converted
            rewritten.name = node.name if half else f"{node.name}.single"
            self._nodes.append(rewritten)
        return converted

    def _half_weight(self, name: str) -> str:
        from onnx import numpy_helper

        converted = f"{name}.half"
        if converted not in self._made:
            self._made.add(converted)
            values = numpy_helper.to_array(self._weights[name]).astype(np.float16)
            self._new_weights.append(numpy_helper.from_array(values, converted))
        return converted


def _cast_node(source: str, target: str, *, half: bool) -> "NodeProto":
    from onnx import TensorProto, helper

    to = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    return helper.make_node("Cast", [source], [target], name=f"{target}/Cast", to=to)


def _retype_attributes(node: "NodeProto") -> None:
    """Turn float32 constants and cast targets inside *node* into half."""
    from onnx import TensorProto, numpy_helper

    for attribute in node.attribute:
        if attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(attribute.t).astype(np.float16)
            attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))
        elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16


def _check_borders(single: "ModelProto", half: "ModelProto") -> None:
    # Converters are known to leave an output in half; a runtime would then read every second number.
    for before, after in zip(
        (*single.graph.input, *single.graph.output), (*half.graph.input, *half.graph.output), strict=True
    ):
        if before.type != after.type:
            raise AssertionError(f"the half-precision pass changed the type of {before.name}")
