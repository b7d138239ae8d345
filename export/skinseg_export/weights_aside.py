"""Work on an ONNX graph without carrying its large weights from Python to C++ and back.

A pass over a graph copies every weight four to six times: for the 217 MB of CM-SSM that is 3 s, most of them spent on
fresh memory.
"""

from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = ["copy_without", "large_weights", "put_back", "with_weights_as_inputs"]

_LARGE = 1024  # bytes; what a shape may depend on, such as the sizes of a Reshape, is smaller


def large_weights(model: "ModelProto") -> "Iterator[TensorProto]":
    """Yield the initializers of *model* that have more than 1 KiB."""
    return (weight for weight in model.graph.initializer if len(weight.raw_data) > _LARGE)


def copy_without(model: "ModelProto", names: Set[str]) -> "ModelProto":
    """Return a copy of *model* that lacks the initializers *names*."""
    import onnx

    copy = onnx.ModelProto()
    _copy_fields(model, copy, but="graph")
    _copy_fields(model.graph, copy.graph, but="initializer")
    copy.graph.initializer.extend(weight for weight in model.graph.initializer if weight.name not in names)
    return copy


def with_weights_as_inputs(model: "ModelProto", weights: "Iterable[TensorProto]") -> "ModelProto":
    """Return a copy of *model* in which *weights*, some of its initializers, are inputs, known by type and shape."""
    from onnx import helper

    weights = tuple(weights)
    light = copy_without(model, {weight.name for weight in weights})
    light.graph.input.extend(
        helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims) for weight in weights
    )
    return light


def put_back(model: "ModelProto", weights: "Iterable[TensorProto]") -> None:
    """Make *weights*, inputs of *model*, its initializers again, as far as a node still reads them."""
    by_name = {weight.name: weight for weight in weights}
    inputs = [each for each in model.graph.input if each.name not in by_name]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(weight for name, weight in by_name.items() if name in read)


def _copy_fields(source: Any, target: Any, *, but: str) -> None:
    """Copy every field of the message *source* that is set to *target*, of the same type and empty."""
    for descriptor, value in source.ListFields():
        if descriptor.name == but:
            continue
        if hasattr(value, "extend"):
            getattr(target, descriptor.name).extend(value)
        elif hasattr(value, "CopyFrom"):
            getattr(target, descriptor.name).CopyFrom(value)
        else:
            setattr(target, descriptor.name, value)
