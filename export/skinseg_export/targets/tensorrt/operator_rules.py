"""What the documentation of TensorRT's parser allows only under conditions, as far as a graph shows it.

A rule looks at one node and returns what the documentation does not allow there, in a few words, or nothing. It was
written for what segmentation networks use; conditions of recurrent, attention and sequence operators are not checked.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

__all__ = ["GraphFacts", "condition_broken"]

Version = tuple[int, int]

_TRANSFORMS = ("half_pixel", "pytorch_half_pixel", "tf_half_pixel_for_nn", "asymmetric", "align_corners")
_NEAREST = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
_RESIZE = (  # attribute, ONNX's default, what is documented
    ("mode", "nearest", ("nearest", "linear")),
    ("coordinate_transformation_mode", "half_pixel", _TRANSFORMS),
    ("nearest_mode", "round_prefer_floor", _NEAREST),
    ("keep_aspect_ratio_policy", "stretch", ("stretch",)),
)
_AXES_POSITION = 1  # of the input `axes` of reductions, Squeeze and Unsqueeze


@dataclass(frozen=True)
class GraphFacts:
    """*types*: element type of each value, where known. *weights*: initializers by name. *read*: values with a reader.

    *constants*: values known before the network runs.
    """

    types: Mapping[str, str]
    weights: Mapping[str, "TensorProto"]
    constants: Collection[str]
    read: Collection[str]


def condition_broken(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    """Return what *node* does that TensorRT *version* does not document, "" if nothing is known against it."""
    if node.op_type.startswith("Reduce"):
        return _reduction(node, facts, version)
    rule = _RULES.get(node.op_type)
    return rule(node, facts, version) if rule else ""


def _pool(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    given = _attributes(node)
    if len(given.get("kernel_shape", (1, 1))) not in (2, 3):
        return f"a pool over {len(given['kernel_shape'])} axes, allowed are 2 or 3"
    if any(step != 1 for step in given.get("dilations", ())):
        return f"dilations {list(given['dilations'])}, allowed are ones"
    return "its second output, the indices, is read" if _is_read(node, 1, facts) else ""


def _resize(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    given = _attributes(node)
    for name, default, allowed in _RESIZE:
        value = given.get(name, default.encode()).decode()
        if name == "nearest_mode" and given.get("mode", b"nearest") != b"nearest":
            continue
        if value not in allowed:
            return f"{name} {value}, allowed are {', '.join(allowed)}"
    return "antialias, which is not allowed" if given.get("antialias", 0) else ""


def _first_output_only(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    return "an output behind the first is read" if _is_read(node, 1, facts) else ""


def _convolution(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    # onnx-tensorrt's changelog of 10.4: "Fixed kernel shape inference in multi-input convolutions".
    if version >= (10, 4) or node.input[1] in facts.constants or "kernel_shape" in _attributes(node):
        return ""
    return "a kernel that is computed and no kernel_shape, which is found out from 10.4 on"


def _reduction(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    return _axes_known(node, facts, weights_alone=True)


def _squeeze(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    return _axes_known(node, facts, weights_alone=version < (10, 7))


def _axes_known(node: "NodeProto", facts: GraphFacts, *, weights_alone: bool) -> str:
    if len(node.input) <= _AXES_POSITION or not node.input[_AXES_POSITION]:
        return ""
    known = facts.weights if weights_alone else facts.constants
    return "" if node.input[_AXES_POSITION] in known else "axes that are computed"


def _pad(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    has_axes = len(node.input) > 3 and bool(node.input[3])  # the position of `axes` in ONNX
    return "an input axes, known from 10.4 on" if has_axes and version < (10, 4) else ""


def _batch_normalization(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    types = {facts.types[name] for name in node.input if name in facts.types}
    if version < (10, 7) and len(types) > 1:
        return f"inputs of types {', '.join(sorted(types))}, mixed from 10.7 on"
    return ""


def _quantization(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    from onnx import numpy_helper

    if len(node.input) < 3 or not node.input[2]:  # the zero point is the third
        return "no zero point, so it stands for uint8" if node.op_type == "QuantizeLinear" else ""
    weight = facts.weights.get(node.input[2])
    if weight is None:
        return "a zero point that is computed"
    if np.asarray(numpy_helper.to_array(weight)).any():
        return "a zero point other than 0"
    return "a zero point of type UINT8" if facts.types.get(node.input[2]) == "UINT8" else ""


def _cumulative_sum(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    known = facts.weights if version < (10, 8) else facts.constants
    return "" if node.input[1] in known else "an axis that is computed"


def _scatter(node: "NodeProto", facts: GraphFacts, version: Version) -> str:
    reduction = _attributes(node).get("reduction", b"none").decode()
    return "" if reduction == "none" else f"reduction {reduction}, allowed is none"


_RULES: dict[str, Callable[["NodeProto", GraphFacts, Version], str]] = {
    "AveragePool": _pool,
    "BatchNormalization": _batch_normalization,
    "Conv": _convolution,
    "CumSum": _cumulative_sum,
    "DequantizeLinear": _quantization,
    "LayerNormalization": _first_output_only,
    "LpPool": _pool,
    "MaxPool": _pool,
    "Pad": _pad,
    "QuantizeLinear": _quantization,
    "Resize": _resize,
    "ScatterND": _scatter,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
}


def _attributes(node: "NodeProto") -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _is_read(node: "NodeProto", position: int, facts: GraphFacts) -> bool:
    return any(name in facts.read for name in node.output[position:])
