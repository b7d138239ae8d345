"""Eight bits for weights and for what goes into them, decided in torch, so that no Mac has to run the package for it.

coremltools can calibrate a package on macOS only, and its quantizer for torch reads a network symbolically, which a
branch or a loop in `forward` ends. Here each convolution that may compute in 8 bits (the same choice as for the other
targets) is replaced by one that rounds its input and its weights as Core ML's `quantize` and `dequantize` do; tracing
and conversion then go their usual way.
"""

import copy
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_export.deployed_graph import PixelGraph

__all__ = ["RoundedConvolution", "network_in_eight_bits"]

_SMALLEST_SCALE = 2.0**-14  # the smallest normal float16, in which the program holds scales


def network_in_eight_bits(
    network: nn.Module, contract: ModelContract, calibration: Iterable[NDArray[np.uint8]]
) -> nn.Module:
    """Return a copy of *network*, in eval mode, whose quantizable convolutions round inputs and weights to 8 bits.

    *calibration*: pictures as the network sees them, (H, W, 3) uint8 RGB of the contract's input_hw, at least one; the
    smallest and largest value that goes into a layer on them is its range.

    Raises InputError if there is no picture, one has another shape, or no layer may compute in 8 bits.
    """
    rounded = copy.deepcopy(network).eval()
    names = quantizable_layers(rounded, contract.input_hw).quantizable
    if not names:
        raise InputError(
            f"cannot make {type(network).__name__} a w8a8 Core ML package: none of its layers may compute in 8 bits; "
            "ask for int8, which rounds weights alone"
        )
    layers = {rounded.get_submodule(name): name for name in names}
    ranges = _input_ranges(rounded, tuple(layers), contract, calibration)
    for parent in tuple(rounded.modules()):
        for name, child in tuple(parent.named_children()):
            if isinstance(child, nn.Conv2d) and child in layers:
                setattr(parent, name, RoundedConvolution(child, *ranges[child]))
    return rounded


class RoundedConvolution(nn.Module):
    """A convolution with input and weights on 8-bit grids that have zero on them; bias and sums stay as they are.

    *low*, *high*: range of the input. What is never negative gets 0 to 255, everything else -128 to 127.
    """

    def __init__(self, convolution: nn.Conv2d, low: float, high: float) -> None:
        super().__init__()
        self.convolution = convolution
        self.kind = torch.quint8 if low >= 0 else torch.qint8
        self.scale = _half(high / 255 if low >= 0 else max(-low, high) / 127)
        weights = convolution.weight.detach().flatten(1).abs().amax(1) / 127  # one a output channel
        self.register_buffer("scales", torch.tensor([_half(scale) for scale in weights.tolist()]))
        self.register_buffer("zeros", torch.zeros(len(weights), dtype=torch.int32))

    def forward(self, features: Tensor) -> Tensor:
        """Return the convolution of the rounded *features* with the rounded weights."""
        # torch 2.13 announces an end of these two; coremltools 9 reads no other form from a trace. May go when it does.
        rounded = torch.quantize_per_tensor(features, self.scale, 0, self.kind).dequantize()
        weight = torch.quantize_per_channel(
            self.convolution.weight, self.get_buffer("scales"), self.get_buffer("zeros"), 0, torch.qint8
        ).dequantize()
        # torch has no public form of a convolution with other weights that also pads as the layer does.
        convolved: Tensor = self.convolution._conv_forward(rounded, weight, self.convolution.bias)
        return convolved


def _half(scale: float) -> float:
    # The program holds scales in float16; rounded upwards, so that the largest value still fits.
    nearest = np.float16(max(scale, _SMALLEST_SCALE))
    return float(nearest if float(nearest) >= scale else np.nextafter(nearest, np.float16(np.inf)))


def _input_ranges(
    network: nn.Module,
    layers: tuple[nn.Module, ...],
    contract: ModelContract,
    calibration: Iterable[NDArray[np.uint8]],
) -> Mapping[nn.Module, tuple[float, float]]:
    """Return the smallest and the largest input value of each layer over all pictures."""
    ranges: dict[nn.Module, tuple[float, float]] = {}

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = ranges.get(layer, (np.inf, -np.inf))
        ranges[layer] = min(low, inputs[0].min().item()), max(high, inputs[0].max().item())

    watched = [layer.register_forward_pre_hook(watch) for layer in layers]
    graph = PixelGraph(network, contract).eval()
    with torch.inference_mode():
        for picture in calibration:
            graph(_pixels(picture, contract))
    for hook in watched:
        hook.remove()
    if not ranges:
        raise InputError(
            "cannot make a w8a8 Core ML package without pictures to calibrate by; name some with --calibration"
        )
    return ranges


def _pixels(picture: NDArray[np.uint8], contract: ModelContract) -> Tensor:
    expected = (*contract.input_hw, 3)
    if picture.shape != expected or picture.dtype != np.uint8:
        raise InputError(
            f"cannot calibrate by a picture of shape {picture.shape}, {picture.dtype}; expected {expected}, uint8"
        )
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()  # 1 x 3 x H x W
