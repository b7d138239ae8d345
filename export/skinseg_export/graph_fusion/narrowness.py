"""Whether a network is too narrow for the blocked memory layout that ONNX Runtime gives convolutions on x86-64.

In blocks (NCHWc) channels are padded to 8 or 16 and values are copied on the way in and out. Networks of hundreds of
channels gain a fifth by it; one of 8 to 64 channels with a normalisation or an attention behind each convolution loses
as much (figures in docs/graph.md).
"""

from typing import TYPE_CHECKING

import numpy as np

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["is_narrow"]

_FEW_CHANNELS = 32  # two blocks of the widest registers (AVX-512)


def is_narrow(model: "ModelProto") -> bool:
    """Whether over half of the multiply-accumulates of the convolutions give fewer than 32 channels."""
    edit = GraphEdit(model)
    costs = [(edit.shape(node.output[0])[1:2], _cost(edit, node)) for node in edit.each("Conv")]
    few = sum(cost for channels, cost in costs if channels and channels[0] < _FEW_CHANNELS)
    return 2 * few > sum(cost for _, cost in costs)


def _cost(edit: GraphEdit, convolution: "NodeProto") -> int:
    """Return the multiply-accumulates of *convolution* for one picture, 0 if its sizes are not known."""
    output, inputs = edit.shape(convolution.output[0])[1:], edit.shape(convolution.input[0])[1:2]
    kernel = attribute_of(convolution, "kernel_shape", ())
    if not output or not inputs:
        return 0
    return int(np.prod(output) * np.prod(kernel) * inputs[0]) // int(attribute_of(convolution, "group", 1))
