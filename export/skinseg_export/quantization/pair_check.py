"""Check that a quantized ONNX file holds what was ordered: Q/DQ pairs on the chosen convolutions and nowhere else."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import VerificationFailed
from skinseg_export.onnx_from_torch import check_model
from skinseg_export.quantization.qdq import nodes_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

__all__ = ["check_pairs"]

_ORDERED = (0, 1)  # the inputs of a chosen convolution that are quantized: picture and weights, not the bias


def check_pairs(quantized: "ModelProto", single: "ModelProto", layers: Collection[str]) -> None:
    """Hold *quantized*, whoever made it, against the fp32 file *single* and the *layers* that were to be quantized.

    Input and output are those of *single*; inputs and weights of the layers' convolutions, and no other value that a
    node reads or the graph gives, pass through a pair; every pair is signed 8 bit with zero points 0, one scale a
    value, or one an output channel of a weight.

    Raises VerificationFailed naming the node and what is wrong, InputError if *single* lacks one of *layers*.
    """
    chosen = {node.name for node in nodes_of(single, layers)}
    _check_whole(quantized, single)
    graph = _Pairs(quantized)
    lost = sorted(chosen - {node.name for node in quantized.graph.node})
    if lost:
        raise _wrong(f"node {lost[0]} is not in it")
    for node in quantized.graph.node:
        expected = _ORDERED if node.name in chosen else ()
        found = graph.quantized_inputs(node)
        if found != expected:
            raise _wrong(f"node {node.name} ({node.op_type}) reads pairs at inputs {found}, ordered were {expected}")
        for position in found:
            graph.check_form(node.input[position], is_weight=position == 1)
    given = [value.name for value in quantized.graph.output if value.name in graph.pairs]
    if given:
        raise _wrong(f"its output {given[0]} comes out of a pair")


def _wrong(what: str) -> VerificationFailed:
    return VerificationFailed(f"cannot use the quantized ONNX file: {what}; report the network and the quantizer")


def _check_whole(quantized: "ModelProto", single: "ModelProto") -> None:
    import onnx

    try:
        check_model(quantized)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _wrong(f"the ONNX checker says '{str(error).strip().splitlines()[0]}'") from error
    for before, after in zip(_borders(single), _borders(quantized), strict=True):
        if before != after:
            raise _wrong(f"it has {after or 'nothing'} where the fp32 file has {before or 'nothing'}")


def _borders(model: "ModelProto") -> tuple[str, str]:
    """Describe all inputs and all outputs: name, element type, shape."""

    def described(values: "Collection[ValueInfoProto]") -> str:
        return ", ".join(f"{value.name} {' '.join(str(value.type).split())}" for value in values)

    return described(model.graph.input), described(model.graph.output)


class _Pairs:
    """The pairs of a graph: `pairs` maps each value that leaves a DequantizeLinear to that node."""

    def __init__(self, model: "ModelProto") -> None:
        self._stored = {weight.name: weight for weight in model.graph.initializer}
        self._quantizers = {node.output[0]: node for node in model.graph.node if node.op_type == "QuantizeLinear"}
        self.pairs = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}

    def quantized_inputs(self, node: "NodeProto") -> tuple[int, ...]:
        """Return the positions of those inputs of *node* that come out of a pair."""
        return tuple(position for position, name in enumerate(node.input) if name in self.pairs)

    def check_form(self, value: str, *, is_weight: bool) -> None:
        """Check the pair that *value* leaves."""
        back = self.pairs[value]
        forth = self._quantizers.get(back.input[0])
        scale, zero_point = self._number(back, 1), self._number(back, 2)
        if forth is None:
            self._check_stored(back, is_weight)
        elif not (np.array_equal(scale, self._number(forth, 1)) and np.array_equal(zero_point, self._number(forth, 2))):
            raise _wrong(f"node {back.name} scales otherwise than {forth.name} before it")
        if zero_point.dtype != np.int8 or zero_point.any():
            raise _wrong(
                f"node {back.name} has zero points {zero_point.dtype} up to {zero_point.max()}, expected int8 0"
            )
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise _wrong(f"node {back.name} has a scale of {float(scale.min()):g}, expected finite numbers above 0")
        self._check_axis(back, scale, self._channels(back, forth) if is_weight else 1)

    def _check_stored(self, back: "NodeProto", is_weight: bool) -> None:
        stored = self._stored.get(back.input[0])
        if not is_weight or stored is None:
            raise _wrong(f"node {back.name} reads {back.input[0]}, which no QuantizeLinear makes")

    def _check_axis(self, back: "NodeProto", scale: NDArray[Any], count: int) -> None:
        axis = next((attribute.i for attribute in back.attribute if attribute.name == "axis"), 1)  # ONNX's default
        if scale.size != count or (scale.size > 1 and axis != 0):
            raise _wrong(f"node {back.name} has {scale.size} scales on axis {axis}, expected {count} on axis 0")

    def _channels(self, back: "NodeProto", forth: "NodeProto | None") -> int:
        name = back.input[0] if forth is None else forth.input[0]
        if name not in self._stored:
            raise _wrong(f"node {back.name} quantizes {name}, expected stored weights")
        return int(self._stored[name].dims[0])

    def _number(self, node: "NodeProto", position: int) -> NDArray[Any]:
        """Return the stored scale (1) or zero point (2) of *node*."""
        from onnx import numpy_helper

        name = node.input[position] if position < len(node.input) else ""
        if name not in self._stored:  # a zero point that is left out is unsigned
            raise _wrong(f"node {node.name} has no stored {('scale', 'zero point')[position - 1]}")
        return numpy_helper.to_array(self._stored[name])
