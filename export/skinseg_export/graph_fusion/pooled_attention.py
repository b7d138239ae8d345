"""Attention on channels pooled to 1 x 1: next to no arithmetic, so each node less is a launch less.

None of these convolutions is ever quantized (see `skinseg_edge.networks.quantizable_layers`), so none is missed.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of
from skinseg_export.graph_fusion.rearrangements import is_pointwise

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["join_siblings", "mix_into_weights", "tile_into_weights"]

_PLACES = [2, 3]


def tile_into_weights(edit: GraphEdit) -> int:
    """Repeat the filters of a convolution instead of the channels of its sigmoid's output."""
    return sum(_tiled(edit, node) for node in edit.each("Tile"))


def mix_into_weights(edit: GraphEdit) -> int:
    """Multiply a 1-D convolution along pooled channels into the weights of the 1 x 1 convolutions behind it."""
    return sum(_mixed(edit, node) for node in edit.each("Concat"))


def join_siblings(edit: GraphEdit) -> int:
    """Join 1 x 1 convolutions that read one pooled value, each before a sigmoid, into one, and split its output."""
    values = dict.fromkeys(str(node.input[0]) for node in edit.each("Conv"))
    return sum(_joined(edit, value) for value in values if edit.shape(value)[2:] == (1, 1))


def _tiled(edit: GraphEdit, tile: "NodeProto") -> bool:
    from onnx import helper

    repeats = edit.constant(tile.input[1])
    sigmoid = edit.maker(tile.input[0], "Sigmoid")
    convolution = sigmoid and edit.maker(sigmoid.input[0], "Conv")
    if repeats is None or sigmoid is None or convolution is None or edit.only_reader(tile.input[0], "Tile") is None:
        return False
    stored = _plain(edit, convolution)
    is_alone = edit.only_reader(convolution.output[0], "Sigmoid") is not None
    if stored is None or not is_alone or len(repeats) != 4 or set(np.delete(repeats, 1)) != {1}:
        return False
    output, times = str(tile.output[0]), int(repeats[1])
    weights, bias = np.tile(stored[0], (times, 1, 1, 1)), np.tile(stored[1], times)
    own = _pointwise(edit, str(convolution.input[0]), weights, bias, f"{output}.before")
    edit.replace([convolution, sigmoid, tile], [own, helper.make_node("Sigmoid", [own.output[0]], [output])])
    return True


def _mixed(edit: GraphEdit, joining: "NodeProto") -> bool:
    from onnx import helper

    first = edit.only_reader(joining.output[0], "Unsqueeze")
    mixing = first and edit.only_reader(first.output[0], "Conv")
    turning = mixing and edit.only_reader(mixing.output[0], "Transpose")
    last = turning and edit.only_reader(turning.output[0], "Unsqueeze")
    means = [edit.maker(name, "ReduceMean") for name in joining.input]
    if first is None or mixing is None or turning is None or last is None:
        return False
    readers, matrix = edit.readers(last.output[0]), _matrix(edit, mixing)
    plain = [_plain(edit, each) for each in readers]
    pooled = [mean for mean in means if mean is not None and _gives_channels(edit, mean)]
    channels = edit.shape(joining.output[0])[1:]
    row, column = edit.shape(first.output[0])[1:], edit.shape(last.output[0])[1:]
    is_column = row == (1, *channels) and column == (*channels, 1, 1)
    if matrix is None or None in plain or len(pooled) != len(means) or not is_column or len(channels) != 1:
        return False
    if attribute_of(joining, "axis", 0) % 2 != 1 or edit.is_output(last.output[0]):
        return False
    source, outputs = f"{joining.output[0]}.pooled", [f"{mean.output[0]}.pooled" for mean in pooled]
    come = [
        helper.make_node("ReduceMean", list(mean.input), [name], keepdims=1)
        for mean, name in zip(pooled, outputs, strict=True)
    ]
    come.append(helper.make_node("Concat", outputs, [source], axis=1))
    for reader, stored in zip(readers, plain, strict=True):
        if stored is not None:
            weights = np.einsum("omhw,mc->ochw", stored[0].astype(np.float64), matrix)
            come.append(_pointwise(edit, source, weights, stored[1], str(reader.output[0])))
    edit.replace([*pooled, joining, first, mixing, turning, last, *readers], come)
    return True


def _gives_channels(edit: GraphEdit, mean: "NodeProto") -> bool:
    """Whether *mean* makes N x C of N x C x H x W, and one node reads that."""
    axes = edit.constant(mean.input[1]) if len(mean.input) > 1 else None
    is_pooling = axes is not None and sorted(int(axis) % 4 for axis in axes) == _PLACES
    is_flat = attribute_of(mean, "keepdims", 1) == 0 and len(edit.shape(mean.input[0])) == 4
    return is_pooling and is_flat and edit.only_reader(mean.output[0], "Concat") is not None


def _matrix(edit: GraphEdit, mixing: "NodeProto") -> NDArray[np.float64] | None:
    """Return what the 1-D convolution *mixing* does to C numbers in a row as a C x C matrix."""
    kernel, shape = edit.constant(mixing.input[1]), edit.shape(mixing.output[0])
    pads = attribute_of(mixing, "pads", (0, 0))
    steps = {*attribute_of(mixing, "strides", (1,)), *attribute_of(mixing, "dilations", (1,))}
    has_bias = len(mixing.input) > 2
    if kernel is None or has_bias or kernel.shape[:2] != (1, 1) or steps != {1} or len(pads) != 2 or len(shape) != 3:
        return None
    matrix = np.zeros((shape[2], shape[2]))
    if sum(pads) != kernel.shape[2] - 1 or not shape[2]:
        return None
    for place, weight in enumerate(kernel[0, 0]):
        if abs(place - pads[0]) >= shape[2]:  # always over the padding
            continue
        matrix += np.diag(np.full(shape[2] - abs(place - pads[0]), weight, np.float64), place - pads[0])
    return matrix


def _joined(edit: GraphEdit, value: str) -> bool:
    from onnx import helper

    siblings = []
    for node in edit.readers(value):
        stored, sigmoid = _plain(edit, node), edit.only_reader(node.output[0], "Sigmoid")
        if stored is not None and sigmoid is not None:
            siblings.append((node, stored, sigmoid))
    if len(siblings) < 2:
        return False
    names = [str(sigmoid.output[0]) for _, _, sigmoid in siblings]
    sizes = [len(stored[1]) for _, stored, _ in siblings]
    weights, bias = (np.concatenate(parts) for parts in zip(*(stored for _, stored, _ in siblings), strict=True))
    convolution = _pointwise(edit, value, weights, bias, f"{names[0]}.joined.before")
    joined = f"{names[0]}.joined"
    cuts = edit.store(f"{joined}.sizes", np.asarray(sizes), np.int64)
    come = [
        convolution,
        helper.make_node("Sigmoid", [convolution.output[0]], [joined]),
        helper.make_node("Split", [joined, cuts], names, axis=1),
    ]
    edit.replace([each for node, _, sigmoid in siblings for each in (node, sigmoid)], come)
    return True


def _plain(edit: GraphEdit, convolution: "NodeProto") -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return weights (out x in x 1 x 1) and bias of a pointwise convolution without groups on something 1 x 1."""
    weights = edit.constant(convolution.input[1]) if convolution.op_type == "Conv" else None
    if weights is None or not is_pointwise(convolution) or attribute_of(convolution, "group", 1) != 1:
        return None
    if edit.shape(convolution.output[0])[2:] != (1, 1):
        return None
    if len(convolution.input) < 3:
        return weights, np.zeros(len(weights), np.float32)
    bias = edit.constant(convolution.input[2])
    return None if bias is None else (weights, bias)


def _pointwise(
    edit: GraphEdit, source: str, weights: NDArray[np.floating], bias: NDArray[np.floating], output: str
) -> "NodeProto":
    from onnx import helper

    stored = [edit.store(f"{output}.weight", weights), edit.store(f"{output}.bias", bias)]
    return helper.make_node("Conv", [source, *stored], [output], kernel_shape=[1, 1])
