"""GELU as one node where the opset has it, else in the order of steps that ONNX Runtime joins by itself."""

import math
from typing import TYPE_CHECKING

from skinseg_export.graph_fusion.graph_edit import GraphEdit

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["join_gelu"]

_GELU_OPSET = 20


def join_gelu(edit: GraphEdit) -> int:
    """Rewrite x * (0.5 * (1 + erf(x / sqrt 2))): Gelu from opset 20 on, before it x * (1 + erf(x / sqrt 2)) * 0.5."""
    return sum(_joined(edit, node) for node in edit.each("Erf"))


def _joined(edit: GraphEdit, erf: "NodeProto") -> bool:
    from onnx import helper

    division = edit.maker(erf.input[0], "Div")
    raised = edit.only_reader(erf.output[0], "Add")
    halved = raised and edit.only_reader(raised.output[0], "Mul")
    product = halved and edit.only_reader(halved.output[0], "Mul")
    if division is None or raised is None or halved is None or product is None:
        return False
    source, output = str(division.input[0]), str(product.output[0])
    is_gelu = (
        _is_number(edit, division.input[1], math.sqrt(2))
        and any(_is_number(edit, name, 1.0) for name in raised.input)
        and source in product.input
    )
    half = next((str(name) for name in halved.input if _is_number(edit, name, 0.5)), "")
    if not is_gelu or not half or edit.shape(source) != edit.shape(output):
        return False
    if edit.opset >= _GELU_OPSET:
        edit.replace([erf, raised, halved, product], [helper.make_node("Gelu", [source], [output])])
        return True
    doubled = f"{output}.doubled"
    come = [
        helper.make_node("Mul", [source, raised.output[0]], [doubled]),
        helper.make_node("Mul", [doubled, half], [output]),
    ]
    edit.replace([halved, product], come)
    return True


def _is_number(edit: GraphEdit, name: str, expected: float) -> bool:
    number = edit.constant(name)
    return number is not None and number.size == 1 and math.isclose(float(number.reshape(())), expected, rel_tol=1e-6)
