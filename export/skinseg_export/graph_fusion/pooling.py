"""Steps that cost less behind a pooling, or as a convolution."""

from typing import TYPE_CHECKING

import numpy as np

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["channel_means_as_convolutions", "factors_behind_pooling"]


def factors_behind_pooling(edit: GraphEdit) -> int:
    """Move a factor above 0 and an addend for every channel (a BatchNormalization) behind the MaxPool that reads them.

    To the bit the same: rounding keeps the order of numbers.
    """
    return sum(_moved(edit, node) for node in edit.each("BatchNormalization"))


def channel_means_as_convolutions(edit: GraphEdit) -> int:
    """Write a mean over the channels of each place as a 1 x 1 convolution with equal weights."""
    return sum(_as_convolution(edit, node) for node in edit.each("ReduceMean"))


def _moved(edit: GraphEdit, factors: "NodeProto") -> bool:
    from onnx import NodeProto

    pooling = edit.only_reader(factors.output[0], "MaxPool")
    scale, variance = edit.constant(factors.input[1]), edit.constant(factors.input[4])
    if pooling is None or scale is None or variance is None or not (scale > 0).all() or len(pooling.output) > 1:
        return False
    if any(attribute_of(pooling, "pads", ())):  # what pads is less than every value only before the factors
        return False
    first, last = NodeProto(), NodeProto()
    first.CopyFrom(pooling)
    last.CopyFrom(factors)
    first.input[0], first.output[0] = factors.input[0], f"{pooling.output[0]}.pooled"
    last.input[0], last.output[0] = first.output[0], pooling.output[0]
    edit.replace([factors, pooling], [first, last])
    return True


def _as_convolution(edit: GraphEdit, mean: "NodeProto") -> bool:
    from onnx import helper

    axes = edit.constant(mean.input[1]) if len(mean.input) > 1 else None
    shape = edit.shape(mean.input[0])
    if axes is None or [int(axis) % 4 for axis in axes] != [1] or len(shape) != 4 or not shape[1]:
        return False
    if attribute_of(mean, "keepdims", 1) != 1:
        return False
    weights = edit.store(f"{mean.output[0]}.equal", np.full((1, shape[1], 1, 1), 1 / shape[1]))
    output = str(mean.output[0])
    edit.replace([mean], [helper.make_node("Conv", [mean.input[0], weights], [output], kernel_shape=[1, 1])])
    return True
