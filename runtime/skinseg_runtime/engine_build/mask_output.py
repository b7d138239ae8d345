"""Give a network a second output: the mask as bytes, a quarter of the probability's size to copy back."""

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import BuildFailed, InputError
from skinseg_runtime.engines.tensorrt_api import Layer, NetworkDefinition, Tensor, TensorRt

__all__ = ["MASK_NAME", "PROBABILITY_NAME", "add_mask_output", "largest_below"]

PROBABILITY_NAME = "probability"
MASK_NAME = "mask"


def add_mask_output(trt: TensorRt, network: NetworkDefinition, threshold: float) -> NDArray[np.float32]:
    """Add the output `mask`, (N, 1, H, W) uint8: 1 where the probability is at least *threshold*, else 0.

    Returns what the new layer reads while the engine is built: the caller must keep it as long.

    Raises InputError unless the network has one map of probabilities, BuildFailed if TensorRT takes no such layer.
    """
    probability = _probability(network)
    limit = np.full((1, 1, 1, 1), largest_below(threshold), np.float32)
    constant = _output(network.add_constant((1, 1, 1, 1), trt.Weights(limit)))
    above = _output(network.add_elementwise(probability, constant, trt.ElementWiseOperation.GREATER))
    # From truth values there is no way to bytes but over a number.
    number = _output(network.add_cast(above, trt.DataType.FLOAT))
    mask = _output(network.add_cast(number, trt.DataType.UINT8))
    mask.name = MASK_NAME
    network.mark_output(mask)
    return limit


def largest_below(threshold: float) -> np.float32:
    """Return the largest float32 below *threshold* as float32: above it lies what is at least the threshold.

    TensorRT has "greater" and no "at least"; the runtime's masks are made with "at least".

    >>> float(largest_below(0.5)) < 0.5
    True
    """
    return np.float32(np.nextafter(np.float32(threshold), np.float32(-np.inf)))


def _probability(network: NetworkDefinition) -> Tensor:
    outputs = [network.get_output(index) for index in range(network.num_outputs)]
    for tensor in outputs:
        shape = tuple(tensor.shape)
        if tensor.name == PROBABILITY_NAME and len(shape) == 4 and shape[1] == 1:
            return tensor
    found = ", ".join(f"{tensor.name} {tuple(tensor.shape)}" for tensor in outputs)
    raise InputError(
        f"cannot add a mask to the engine: the network gives {found}, expected {PROBABILITY_NAME} (N, 1, H, W), which "
        "a network of two classes has; build without --mask-output"
    )


def _output(layer: Layer | None) -> Tensor:
    tensor = None if layer is None else layer.get_output(0)
    if tensor is None:
        raise BuildFailed("cannot add a mask to the engine: TensorRT refused a layer; build without --mask-output")
    return tensor
