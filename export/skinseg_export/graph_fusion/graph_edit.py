"""An ONNX graph under the hand: who makes and reads each value, what is constant, and nodes put in others' place."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.inferred_shapes import inferred_graph
from skinseg_export.single_nodes import single_nodes

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

__all__ = ["GraphEdit", "attribute_of"]


class GraphEdit:
    """*model* is changed in place, by `finish`. Shapes are those of the values that *model* came with."""

    def __init__(self, model: "ModelProto") -> None:
        self._model = model
        self._shapes = _shapes(inferred_graph(model))
        self._weights = {each.name: each for each in model.graph.initializer}
        self._outputs = {each.name for each in model.graph.output}
        self._single = {model.graph.node[index].output[0] for index in single_nodes(model)}
        self.opset = next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
        self.nodes: list[NodeProto] = list(model.graph.node)
        self._index()

    def each(self, operator: str) -> "Iterator[NodeProto]":
        """Yield the nodes of kind *operator* that are still there, in the order of computation."""
        for node in list(self.nodes):
            if node.op_type == operator and self._makers.get(node.output[0]) is node:
                yield node

    def maker(self, value: str, operator: str) -> "NodeProto | None":
        """Return the node that makes *value* if it is of kind *operator*."""
        node = self._makers.get(value)
        return node if node is not None and node.op_type == operator else None

    def readers(self, value: str) -> "list[NodeProto]":
        """Return the nodes that read *value*, each once for every time that it does."""
        return self._readers.get(value, [])

    def only_reader(self, value: str, operator: str) -> "NodeProto | None":
        """Return the one node that reads *value* if it is of kind *operator*; None if the value is an output."""
        found = self.readers(value)
        return found[0] if len(found) == 1 and found[0].op_type == operator and value not in self._outputs else None

    def is_output(self, value: str) -> bool:
        """Whether *value* is an output of the graph."""
        return value in self._outputs

    def shape(self, value: str) -> tuple[int, ...]:
        """Return the shape of *value*, 0 for a side that is not known before a picture comes; () if nothing is."""
        return self._shapes.get(value, ())

    def constant(self, value: str) -> NDArray[Any] | None:
        """Return the numbers of *value* if they are stored in the file."""
        from onnx import numpy_helper

        stored = self._weights.get(value)
        return None if stored is None else numpy_helper.to_array(stored)

    def with_constant(self, node: "NodeProto") -> tuple[str, NDArray[Any]] | None:
        """Split the two inputs of *node* into the value and the constant, None if they are not one of each."""
        first, second = (self.constant(name) for name in node.input)
        if (first is None) == (second is None):
            return None
        return (str(node.input[1]), first) if first is not None else (str(node.input[0]), np.asarray(second))

    def store(self, name: str, numbers: NDArray[Any], kind: type[np.generic] = np.float32) -> str:
        """Store *numbers* as *name*, in the place of what had that name; return it."""
        from onnx import numpy_helper

        self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(numbers, kind), name)
        return name

    def replace(self, gone: "Sequence[NodeProto]", come: "Sequence[NodeProto]") -> None:
        """Put the nodes *come* where the last of *gone* stood, and take those away."""
        leaving = {id(node) for node in gone}
        place = max(index for index, node in enumerate(self.nodes) if id(node) in leaving)
        behind = [node for node in self.nodes[place + 1 :] if id(node) not in leaving]
        self.nodes = [node for node in self.nodes[:place] if id(node) not in leaving] + [*come, *behind]
        self._index()

    def rename(self, names: dict[str, str]) -> None:
        """Let every node that reads a key of *names* read its value instead."""
        for node in self.nodes:
            for position, name in enumerate(node.input):
                node.input[position] = names.get(name, name)
        self._index()

    def stays_single(self, node: "NodeProto") -> bool:
        """Whether *node*, one that the model came with, must compute in fp32 where the rest is written in half."""
        return node.output[0] in self._single

    def finish(self) -> None:
        """Write the graph back in the order of computation, without what nothing reads any more."""
        graph = self._model.graph
        nodes = _ordered(_needed(self.nodes, self._outputs), self._makers)
        used = {name for node in nodes for name in node.input} | self._outputs
        weights = [self._weights[name] for name in self._weights if name in used]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(weights)

    def _index(self) -> None:
        # An output that nobody asked for has the empty name, and so has an input that is left out.
        self._makers = {name: node for node in self.nodes for name in node.output if name}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)


def attribute_of(node: "NodeProto", name: str, default: Any) -> Any:
    """Return the attribute *name* of *node*, lists as tuples; *default* where it is not given."""
    from onnx import helper

    found = next((helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)
    return tuple(found) if isinstance(found, list) else found


def _shapes(graph: "GraphProto") -> dict[str, tuple[int, ...]]:
    values = (*graph.input, *graph.value_info, *graph.output)
    return {each.name: tuple(side.dim_value for side in each.type.tensor_type.shape.dim) for each in values}


def _needed(nodes: "Sequence[NodeProto]", outputs: Iterable[str]) -> "list[NodeProto]":
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(name for name in node.input if name)
            kept.append(node)
    return kept[::-1]


def _ordered(nodes: "Sequence[NodeProto]", makers: "dict[str, NodeProto]") -> "list[NodeProto]":
    """Return *nodes* in their order, each behind those that make what it reads."""
    placed: set[int] = set()
    ordered: list[NodeProto] = []
    for node in nodes:
        waiting = [node]
        while waiting:
            missing = [makers[name] for name in waiting[-1].input if name in makers and id(makers[name]) not in placed]
            if missing:
                waiting.append(missing[0])
                continue
            last = waiting.pop()
            if id(last) not in placed:
                placed.add(id(last))
                ordered.append(last)
    return ordered
