"""A convolution whose kernel is weighed by attention, as one convolution with a kernel that is made for each picture.

`skinseg_edge.networks.blocks.odconv` makes nine shifted copies of its input to keep every weight constant, which
training, a free batch and Core ML need. For one picture the factors of the copies may as well meet the kernel, which
has a few hundred numbers. TensorRT is documented to take a kernel that is no constant (NvInfer.h:
`IConvolutionLayer::setInput`), but nobody here ran one on a Jetson: files for it are made without this pass.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of
from skinseg_export.graph_fusion.rearrangements import is_pointwise

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["kernels_at_run_time"]

_SIDE = 3
_TAPS = _SIDE * _SIDE


class _Attended(NamedTuple):
    """*weighing*, *repeating*: Mul of the copies by the shares (1 x 9 x 1 x 1) that Tile repeats for each channel."""

    copying: "NodeProto"
    repeating: "NodeProto"
    weighing: "NodeProto"
    mixing: "NodeProto"
    kernel: NDArray[np.float32]


def kernels_at_run_time(edit: GraphEdit) -> int:
    """Rewrite nine shifted copies, their shares and a 1 x 1 convolution as a 3 x 3 convolution, for one picture."""
    found = [_attended(edit, node) for node in edit.each("Tile")]
    for each in found:
        if each is not None:
            _rewrite(edit, each)
    return sum(each is not None for each in found)


def _attended(edit: GraphEdit, tile: "NodeProto") -> _Attended | None:
    weighing = edit.only_reader(tile.output[0], "Mul")
    copying = weighing and next((edit.maker(name, "Conv") for name in weighing.input if name != tile.output[0]), None)
    mixing = weighing and edit.only_reader(weighing.output[0], "Conv")
    if weighing is None or copying is None or mixing is None:
        return None
    kernel, channels = edit.constant(mixing.input[1]), edit.shape(copying.input[0])[1:2]
    is_alone = edit.only_reader(copying.output[0], "Mul") is not None and len(mixing.input) == len(copying.input) == 2
    is_for_one = edit.shape(copying.input[0])[:1] == (1,) and edit.shape(tile.input[0]) == (1, _TAPS, 1, 1)
    if kernel is None or not is_alone or not is_for_one or kernel.shape[1:] != (channels[0] * _TAPS, 1, 1):
        return None
    if edit.shape(tile.output[0]) != (1, channels[0] * _TAPS, 1, 1) or not is_pointwise(mixing):
        return None
    return _Attended(copying, tile, weighing, mixing, kernel) if _is_shifting(edit, copying, channels[0]) else None


def _is_shifting(edit: GraphEdit, copying: "NodeProto", channels: int) -> bool:
    """Whether *copying* makes of each channel the nine copies that a 3 x 3 kernel sees, in the kernel's order."""
    weights = edit.constant(copying.input[1])
    one_hot = np.tile(np.eye(_TAPS, dtype=np.float32).reshape(_TAPS, 1, _SIDE, _SIDE), (channels, 1, 1, 1))
    return (
        weights is not None
        and np.array_equal(weights, one_hot)
        and attribute_of(copying, "group", 1) == channels
        and attribute_of(copying, "pads", ()) == (1, 1, 1, 1)
        and set(attribute_of(copying, "strides", (1,))) == {1}
        and set(attribute_of(copying, "dilations", (1,))) == {1}
    )


def _rewrite(edit: GraphEdit, found: _Attended) -> None:
    from onnx import helper

    source, channel = _factor(edit, edit.maker(found.copying.input[0], "Mul")) or (found.copying.input[0], None)
    behind = edit.only_reader(found.mixing.output[0], "Mul")
    filters = _factor(edit, behind, of=str(found.mixing.output[0]))
    output = str((behind if behind is not None and filters else found.mixing).output[0])
    shape = edit.store(f"{output}.taps", np.array([1, 1, _SIDE, _SIDE]), np.int64)
    kernel = edit.store(f"{output}.kernel", found.kernel.reshape(len(found.kernel), -1, _SIDE, _SIDE))
    come = [helper.make_node("Reshape", [found.repeating.input[0], shape], [f"{output}.share"])]
    factors = [f"{output}.share"] if channel is None else [f"{output}.share", channel]
    if filters:
        column = edit.store(f"{output}.column", np.array([-1, 1, 1, 1]), np.int64)
        come.append(helper.make_node("Reshape", [filters[1], column], [f"{output}.filters"]))
        factors.append(f"{output}.filters")
    product = factors[0]
    for number, factor in enumerate([*factors[1:], kernel]):
        come.append(helper.make_node("Mul", [product, factor], [f"{output}.product{number}"]))
        product = f"{output}.product{number}"
    # onnx-tensorrt 10.3 cannot tell the kernel's size from a kernel that is no constant (mended in 10.4).
    sides, pads = [_SIDE, _SIDE], [1, 1, 1, 1]
    come.append(helper.make_node("Conv", [source, product], [output], kernel_shape=sides, pads=pads))
    gone = [found.copying, found.repeating, found.weighing, found.mixing]
    edit.replace([*gone, behind] if behind is not None and filters else gone, come)


def _factor(edit: GraphEdit, product: "NodeProto | None", of: str = "") -> tuple[str, str] | None:
    """Split the inputs of *product* into features, those named *of* if it is given, and a number for each channel."""
    if product is None:
        return None
    for features, factor in (product.input, reversed(product.input)):
        shape = edit.shape(factor)
        if of in ("", features) and shape == (1, *edit.shape(features)[1:2], 1, 1) and edit.constant(factor) is None:
            return str(features), str(factor)
    return None
