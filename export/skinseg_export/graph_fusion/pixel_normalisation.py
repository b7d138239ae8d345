"""The contract's normalisation of pixels, folded into the network's first convolution.

Pixels x become x * s + t, s and t a channel. A convolution pads its input with 0, which is not the pixel 0 but the
pixel -t/s, another one in each channel. So the convolution takes x + t/s, whose padding is right, and its weights the
factor s. One without padding could take t, too, into its bias; half precision would then round a bias that cancels
most of the sum, or lose it beyond its range, so such a one is left as it is.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_export.graph_fusion.graph_edit import GraphEdit, attribute_of

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["fold_normalisation"]

_PER_CHANNEL = ((3, 1, 1), (1, 3, 1, 1))


def fold_normalisation(edit: GraphEdit) -> int:
    """Fold Mul and Add behind the pixels' Cast and Transpose into the padded convolution that alone reads them."""
    return sum(_folded(edit, node) for node in edit.each("Transpose") if edit.maker(node.input[0], "Cast"))


def _folded(edit: GraphEdit, transpose: "NodeProto") -> bool:
    from onnx import helper

    pixels = str(transpose.output[0])
    scaling = edit.only_reader(pixels, "Mul")
    shifting = scaling and edit.only_reader(scaling.output[0], "Add")
    convolution = shifting and edit.only_reader(shifting.output[0], "Conv")
    if scaling is None or shifting is None or convolution is None:
        return False
    if not any(attribute_of(convolution, "pads", ())):
        return False
    scale, shift = _factors(edit, scaling), _factors(edit, shifting)
    weights = edit.constant(convolution.input[1])
    if scale is None or shift is None or weights is None or weights.shape[1] != len(scale) or not scale.all():
        return False
    centre = edit.store(f"{pixels}.centre", (-shift / scale).reshape(1, -1, 1, 1))
    centred = helper.make_node("Sub", [pixels, centre], [f"{pixels}.centred"])
    _rescale(edit, convolution, weights, scale)
    convolution.input[0] = centred.output[0]
    edit.replace([scaling, shifting], [centred])
    return True


def _factors(edit: GraphEdit, node: "NodeProto") -> NDArray[np.float64] | None:
    """Return the constant of *node*, one number a channel."""
    parts = edit.with_constant(node)
    if parts is None or parts[1].shape not in _PER_CHANNEL:
        return None
    return np.array(parts[1].reshape(-1), np.float64)


def _rescale(
    edit: GraphEdit, convolution: "NodeProto", weights: NDArray[np.float32], scale: NDArray[np.float64]
) -> None:
    # The weights keep their name, by which quantization finds the layer, unless another node reads them as they were.
    name = str(convolution.input[1])
    if len(edit.readers(name)) > 1:
        name = f"{convolution.output[0]}.weight"
    convolution.input[1] = edit.store(name, weights * scale.reshape(1, -1, 1, 1))
