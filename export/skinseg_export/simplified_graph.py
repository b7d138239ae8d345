"""Simplify an exported graph, without handing over the weights that simplifying does not touch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from skinseg_edge.errors import InputError
from skinseg_export.weights_aside import large_weights, put_back, with_weights_as_inputs

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

__all__ = ["simplified"]

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_FOLDED_AWAY = frozenset({"Add", "BatchNormalization", "Div", "Mul", "Sub"})  # into a product before, with a constant


def simplified(model: "ModelProto") -> "ModelProto":
    """Return what onnxsim makes of *model*: constants computed, what does nothing left out.

    Raises InputError if its own check fails.
    """
    import onnxsim

    weights = tuple(_weights_of_products(model))
    lighter: ModelProto
    lighter, holds = onnxsim.simplify(with_weights_as_inputs(model, weights))
    if not holds:
        raise InputError("cannot simplify the ONNX graph: onnxsim's own check found other numbers; report this network")
    put_back(lighter, weights)
    return lighter


def _weights_of_products(model: "ModelProto") -> "Iterator[TensorProto]":
    """Yield the large weights that a simplifier computes nothing with: factors of values that depend on the picture.

    What constants behind a product may be folded into is not among them, nor what has any other reader.
    """
    constant = {weight.name for weight in model.graph.initializer}
    computed_with: set[str] = set()
    folded_into: set[str] = set()
    for node in model.graph.node:
        is_product = node.op_type in _PRODUCTS
        if constant.issuperset(node.input):
            constant.update(node.output)
            is_product = False
        elif node.op_type in _FOLDED_AWAY and not constant.isdisjoint(node.input):
            folded_into.update(node.input)
        if not is_product:
            computed_with.update(node.input)
    for node in model.graph.node:
        if not folded_into.isdisjoint(node.output):
            computed_with.update(node.input)
    return (weight for weight in large_weights(model) if weight.name not in computed_with)
