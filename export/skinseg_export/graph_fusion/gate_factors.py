"""Hard gates that ask for a sign, without the factors in front of them."""

from typing import TYPE_CHECKING

from skinseg_export.graph_fusion.graph_edit import GraphEdit

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["signs_without_factors"]

_MIRRORED = {
    "Greater": "Less",
    "GreaterOrEqual": "LessOrEqual",
    "Less": "Greater",
    "LessOrEqual": "GreaterOrEqual",
}


def signs_without_factors(edit: GraphEdit) -> int:
    """Leave out a constant product before a comparison with 0, which asks for the sign alone.

    Only where the factors have one sign and none is 0; below 0 they turn the comparison round.
    """
    return sum(_left_out(edit, gate) for operator in _MIRRORED for gate in edit.each(operator))


def _left_out(edit: GraphEdit, gate: "NodeProto") -> bool:
    threshold, scaling = edit.constant(gate.input[1]), edit.maker(gate.input[0], "Mul")
    parts = scaling and edit.with_constant(scaling)
    if threshold is None or threshold.any() or scaling is None or parts is None:
        return False
    is_above, is_below = bool((parts[1] > 0).all()), bool((parts[1] < 0).all())
    is_alone = edit.only_reader(scaling.output[0], gate.op_type) is not None
    if not (is_above or is_below) or not is_alone or edit.shape(parts[0]) != edit.shape(gate.input[0]):
        return False
    edit.replace([scaling], [])
    gate.op_type = gate.op_type if is_above else _MIRRORED[gate.op_type]
    gate.input[0] = parts[0]
    edit.rename({})
    return True
