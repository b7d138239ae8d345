"""Write the selective scans of an ONNX graph out: torch's exporter leaves one node a scan, here it becomes operations.

The formula stays in one place: `chunked_scan` itself runs, on tensors that have a shape and no numbers, and each call
that it makes becomes an ONNX node. Torch's exporter and onnxscript's optimizer take some twenty seconds for the 2,000
nodes of CM-SSM's scans, and find nothing to mend in them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from skinseg_edge.networks.blocks.chunked_scan import chunked_scan
from skinseg_edge.networks.blocks.whole_scan import SCAN_OPERATOR

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["scan_translations", "write_scans"]

_DOMAIN, _, _OPERATOR = SCAN_OPERATOR.partition("::")
_CHUNK = "chunk"
_TO_THE_END = 2**31 - 1  # TensorRT takes no larger number for an end


def scan_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return what torch's exporter shall put in the place of the scan operator, as its custom_translation_table."""
    from onnx.defs import OpSchema
    from onnxscript.values import Op, Opset

    schema = OpSchema(
        _OPERATOR,
        _DOMAIN,
        1,
        inputs=[OpSchema.FormalParameter(name, "tensor(float)") for name in ("u", "delta", "A", "B", "C")],
        outputs=[OpSchema.FormalParameter("y", "tensor(float)")],
        attributes=[OpSchema.Attribute(_CHUNK, OpSchema.AttrType.INT)],
    )
    node: Any = Op(Opset(_DOMAIN, 1), _OPERATOR, schema)

    def translated(u: Any, delta: Any, A: Any, B: Any, C: Any, chunk: int) -> Any:  # onnxscript's values
        return node(u, delta, A, B, C, chunk=chunk)

    return {getattr(torch.ops, _DOMAIN).selective_scan.default: translated}


def write_scans(model: "ModelProto") -> None:
    """Replace each scan node of *model* by what it computes; a model without any is left as it is.

    The shapes of what the nodes read must stand in the model; a side that it leaves open, the batch, counts as 1.
    """
    if not any(_is_scan(node) for node in model.graph.node):
        return
    nodes, shapes, constants = list(model.graph.node), _shapes(model), _Constants(model)
    del model.graph.node[:]
    for node in nodes:
        model.graph.node.extend(_written(node, shapes, constants) if _is_scan(node) else [node])
    others = [each for each in model.opset_import if each.domain != _DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(others)


def _is_scan(node: "NodeProto") -> bool:
    return (node.domain, node.op_type) == (_DOMAIN, _OPERATOR)


def _shapes(model: "ModelProto") -> dict[str, tuple[int, ...]]:
    graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    found = {each.name: tuple(side.dim_value or 1 for side in each.type.tensor_type.shape.dim) for each in values}
    return {**found, **{weight.name: tuple(weight.dims) for weight in graph.initializer}}


def _written(scan: "NodeProto", shapes: Mapping[str, tuple[int, ...]], constants: "_Constants") -> "list[NodeProto]":
    """Return the nodes that compute *scan*, the last of which gives its value."""
    u, delta, A, B, C = given = [torch.empty(shapes[name], device="meta") for name in scan.input]
    writer = _Writer(scan.output[0], constants)
    chunk = next(attribute.i for attribute in scan.attribute if attribute.name == _CHUNK)
    with _Listener(writer, dict(zip(scan.input, given, strict=True))) as listener:
        outcome, _ = chunked_scan(u, delta, A, B, C, chunk)
    return writer.ended(listener.name(outcome))


class _Value(NamedTuple):
    name: str
    shape: tuple[int, ...]


class _Listener(TorchFunctionMode):
    """Lets *writer* write down what torch is asked for inside the block, as long as it starts from *given*."""

    def __init__(self, writer: "_Writer", given: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._writer = writer
        self._tensors = list(given.values())  # all are kept, so that no identity comes twice
        self._names = {id(tensor): name for name, tensor in given.items()}

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:  # whatever torch's functions take and give
        outcome = func(*args, **(kwargs or {}))
        called = func.__name__
        if called == "__get__":  # a property, such as the shape
            return outcome
        write = getattr(self._writer, called.strip("_"), None)
        if write is None:
            raise AssertionError(f"the scan calls torch's {called}, which is not written as ONNX yet")
        names = write(*(self._value(each) for each in args), **(kwargs or {}))
        made = outcome if isinstance(outcome, tuple) else (outcome,)
        self._tensors += made
        self._names.update((id(tensor), name) for tensor, name in zip(made, names, strict=True))
        return outcome

    def name(self, tensor: Tensor) -> str:
        """Return the name that *tensor* has in the graph."""
        return self._names[id(tensor)]

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, list):
            return [self._value(each) for each in argument]
        return _Value(self.name(argument), tuple(argument.shape)) if isinstance(argument, Tensor) else argument


class _Writer:
    """ONNX nodes for calls of torch, by their names and arguments; the same call on the same values is written once."""

    def __init__(self, prefix: str, constants: "_Constants") -> None:
        self._prefix, self._constants = prefix, constants
        self._nodes: list[NodeProto] = []
        self._made: dict[str, tuple[str, ...]] = {}

    def ended(self, last: str) -> "list[NodeProto]":
        """Return the nodes, in which the value *last* got the name that all names begin with."""
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    names[place] = self._prefix if name == last else name
        return self._nodes

    def exp(self, value: _Value) -> tuple[str, ...]:
        return self._node("Exp", value.name)

    def mul(self, one: _Value, other: _Value) -> tuple[str, ...]:
        return self._node("Mul", one.name, other.name)

    def add(self, one: _Value, other: _Value) -> tuple[str, ...]:
        return self._node("Add", one.name, other.name)

    def matmul(self, one: _Value, other: _Value) -> tuple[str, ...]:
        return self._node("MatMul", one.name, other.name)

    def contiguous(self, value: _Value) -> tuple[str, ...]:
        return (value.name,)

    def reshape(self, value: _Value, *sizes: int) -> tuple[str, ...]:
        return self._node("Reshape", value.name, self._constants.whole(*sizes))

    def transpose(self, value: _Value, one: int, other: int) -> tuple[str, ...]:
        order = list(range(len(value.shape)))
        order[one], order[other] = other, one
        return self._node("Transpose", value.name, perm=order)

    def split(self, value: _Value, size: int, dim: int) -> tuple[str, ...]:
        parts = value.shape[dim] // size
        if parts == 1:
            return (value.name,)
        sizes = self._constants.whole(*[size] * parts)
        return self._node("Split", value.name, sizes, outputs=parts, axis=dim)

    def cat(self, values: Sequence[_Value], dim: int) -> tuple[str, ...]:
        if len(values) == 1:
            return (values[0].name,)
        return self._node("Concat", *(value.name for value in values), axis=dim)

    def pad(self, padded: _Value, pad: Sequence[int], *, mode: str, value: float) -> tuple[str, ...]:
        axes = len(padded.shape)
        # Torch counts from the last axis, two numbers an axis; ONNX gives all beginnings, then all ends.
        before, after = ([*pad[side::2], *[0] * (axes - len(pad) // 2)][::-1] for side in (0, 1))
        sizes = self._constants.whole(*before, *after)
        return self._node("Pad", padded.name, sizes, self._constants.real(value), mode=mode)

    def getitem(self, value: _Value, index: Sequence[slice | None]) -> tuple[str, ...]:
        new = [axis for axis, each in enumerate(index) if each is None]
        if new:
            return self._node("Unsqueeze", value.name, self._constants.whole(*new))
        cut = [(axis, each.start or 0, each.stop) for axis, each in enumerate(index) if each and each != slice(None)]
        axes, starts, stops = zip(*cut, strict=True)
        ends = (_TO_THE_END if stop is None else stop for stop in stops)
        return self._node("Slice", value.name, *(self._constants.whole(*each) for each in (starts, ends, axes)))

    def _node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> tuple[str, ...]:
        from onnx import helper

        call = repr((operator, inputs, attributes))
        if call not in self._made:
            stem = f"{self._prefix}.{len(self._nodes)}"
            self._made[call] = (stem,) if outputs == 1 else tuple(f"{stem}.{part}" for part in range(outputs))
            self._nodes.append(helper.make_node(operator, inputs, self._made[call], **attributes))
        return self._made[call]


class _Constants:
    """Numbers that nodes read, each kept in *model* once."""

    def __init__(self, model: "ModelProto") -> None:
        self._model = model
        self._names: dict[tuple[object, ...], str] = {}

    def whole(self, *numbers: int) -> str:
        """Return the name of *numbers*, a row of int64."""
        return self._named("whole", np.asarray(numbers, np.int64))

    def real(self, number: float) -> str:
        """Return the name of *number*, float32 without axes."""
        return self._named("real", np.asarray(number, np.float32))

    def _named(self, kind: str, numbers: NDArray[Any]) -> str:
        from onnx import numpy_helper

        key = (kind, *numbers.ravel().tolist())
        if key not in self._names:
            self._names[key] = f"scan_{kind}_{len(self._names)}"
            self._model.graph.initializer.append(numpy_helper.from_array(numbers, self._names[key]))
        return self._names[key]
