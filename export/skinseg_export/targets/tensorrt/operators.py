"""Tell, without TensorRT, whether the parser of each supported version is documented to read an ONNX file.

A table is no proof: what it lists may still be refused, and what it restricts may pass. The installed TensorRT-RTX
parses for real; the build on the device has the last word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skinseg_export.targets.tensorrt.operator_rules import GraphFacts, condition_broken
from skinseg_export.targets.tensorrt.operator_tables import OPERATOR_TABLES, OperatorTable

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["ParserReport", "parser_reports"]

_STANDARD = ("", "ai.onnx")


@dataclass(frozen=True)
class ParserReport:
    """What is documented about one file and one version of TensorRT.

    *opset*: of the file; *opsets*: the lowest and highest of the version. *missing*: operators that it does not know.
    *restricted*: what it documents otherwise, a sentence each, by node.
    """

    version: str
    source: str
    opset: int
    opsets: tuple[int, int]
    missing: tuple[str, ...]
    restricted: tuple[str, ...]

    @property
    def is_supported(self) -> bool:
        """Whether nothing is documented against it."""
        return self.opsets[0] <= self.opset <= self.opsets[1] and not self.missing and not self.restricted

    def words(self) -> str:
        """Say in a line what stands against it, "documented" if nothing does."""
        found = [f"does not know {', '.join(self.missing)}"] if self.missing else []
        if not self.opsets[0] <= self.opset <= self.opsets[1]:
            found.append(f"reads opset {self.opsets[0]} to {self.opsets[1]}, not {self.opset}")
        return "; ".join([*found, *self.restricted]) or "documented"


def parser_reports(model: "ModelProto") -> tuple[ParserReport, ...]:
    """Hold *model* against the operator table of every supported version."""
    facts = _facts(model)
    nodes = tuple(_nodes(model.graph))
    opset = max((entry.version for entry in model.opset_import if entry.domain in _STANDARD), default=0)
    return tuple(_report(table, nodes, facts, opset) for table in OPERATOR_TABLES)


def _report(table: OperatorTable, nodes: tuple["NodeProto", ...], facts: GraphFacts, opset: int) -> ParserReport:
    missing: list[str] = []
    restricted: list[str] = []
    for node in nodes:
        name = node.op_type if node.domain in _STANDARD else f"{node.domain}::{node.op_type}"
        if name not in table.types:
            missing.append(name)
            continue
        broken = _type_broken(node, table, facts) or condition_broken(node, facts, table.number)
        if broken:
            restricted.append(f"node {node.name} ({name}) has {broken}")
    return ParserReport(
        table.version, table.source, opset, table.opsets, tuple(dict.fromkeys(missing)), tuple(restricted)
    )


def _type_broken(node: "NodeProto", table: OperatorTable, facts: GraphFacts) -> str:
    """Say which type of *node*'s data is not documented; "" where it is, or is not known."""
    value = _data(node)
    type_ = facts.types.get(value, "")
    if not type_ or type_ == "DOUBLE" or type_ in table.types[node.op_type]:
        return ""
    return f"data of type {type_}, documented are {', '.join(sorted(table.types[node.op_type]))}"


def _data(node: "NodeProto") -> str:
    """Return the value whose type decides: the first input, of Where the second, of a source its output."""
    if node.op_type == "Where":
        return str(node.input[1])
    is_source = node.op_type in ("Constant", "ConstantOfShape", "OneHot") or not node.input
    return str(node.output[0] if is_source else node.input[0])


def _facts(model: "ModelProto") -> GraphFacts:
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    constants = {*weights, *(node.output[0] for node in graph.node if node.op_type == "Constant")}
    read = {name for node in _nodes(graph) for name in node.input} | {value.name for value in graph.output}
    return GraphFacts(_types(model), weights, constants, read)


def _types(model: "ModelProto") -> dict[str, str]:
    """Return the element type of each value by ONNX's inference, which is spared the weights."""
    from onnx import ModelProto, TensorProto, helper, shape_inference

    bare = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph = bare.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.output.extend(model.graph.output)
    graph.input.extend(model.graph.input)
    taken = {value.name for value in graph.input}
    graph.input.extend(
        helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims))
        for weight in model.graph.initializer
        if weight.name not in taken
    )
    inferred = shape_inference.infer_shapes(bare).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    return {value.name: TensorProto.DataType.Name(value.type.tensor_type.elem_type) for value in values}


def _nodes(graph: "GraphProto") -> "Iterator[NodeProto]":
    """Yield all nodes, those of branches and loops included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)
