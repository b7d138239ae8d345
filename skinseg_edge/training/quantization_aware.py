"""Training with the rounding of 8-bit convolutions in place, so that the weights learn to live with it.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018
(arXiv:1712.05877), section 3: in the forward pass values are rounded and clamped as the device will do (equation 12),
in the backward pass rounding counts as the identity and clamping as zero. Where this project differs: ranges are
symmetric (-127 to 127, zero stays 0), weights have a step a channel, as explicit Q/DQ in the exported file, and
normalisation is not folded before rounding. It need not be: folding multiplies an output channel of the weights by one
number, its step by the same number, and leaves the 8-bit weights as they are, but for the rounding of the step itself.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from skinseg_edge.errors import InputError
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_edge.quantization_scales import QUANTIZED_LIMIT, SMALLEST_SCALE

__all__ = ["FakeQuantizedConv2d", "freeze_reaches", "input_reaches", "plain_state", "prepare", "prepare_all"]

# Of a new batch's reach. Torch's observers take 0.01, for runs that are much longer than a few hundred steps.
_AVERAGING = 0.05
_REACH = "fake_quantized_input_reach"
# Behind the ten bits that half precision keeps of a fraction, single precision has 13 more.
_LOST_BITS = (1 << 13) - 1


class FakeQuantizedConv2d(nn.Conv2d):
    """A convolution whose inputs and weights are rounded to 8 bits: same parameters, same names, one more buffer.

    Input and output as the plain convolution's, float32. The buffer `fake_quantized_input_reach` (a scalar, float32) is
    the moving average of the largest magnitude in each training batch; it moves in training mode until `frozen`.
    Weights have their reach taken anew at every call. `largest_over_processes`: for a batch that several processes
    share, returns the largest of a tensor over all of them.
    """

    fake_quantized_input_reach: Tensor

    def __init__(self, plain: nn.Conv2d) -> None:
        """Take over the shape and the very parameters of *plain*."""
        super().__init__(
            plain.in_channels,
            plain.out_channels,
            (plain.kernel_size[0], plain.kernel_size[1]),
            (plain.stride[0], plain.stride[1]),
            plain.padding if isinstance(plain.padding, str) else (plain.padding[0], plain.padding[1]),
            (plain.dilation[0], plain.dilation[1]),
            plain.groups,
            plain.bias is not None,
            plain.padding_mode,
            device="meta",  # its own weights are never seen
        )
        self.weight, self.bias = plain.weight, plain.bias
        self.register_buffer(_REACH, torch.zeros((), device=plain.weight.device))
        self.frozen = False
        self.largest_over_processes: Callable[[Tensor], Tensor] | None = None
        self.train(plain.training)

    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution of the rounded *input* (N x C x H x W) with the rounded weights."""
        features = input.float()
        if self.training and not self.frozen:
            self._observe(features)
        reach, scales = self.fake_quantized_input_reach, _half_scale(self.weight.detach().abs().amax((1, 2, 3)))
        features = torch.fake_quantize_per_tensor_affine(
            features, _half_scale(reach), _zeros(reach), -QUANTIZED_LIMIT, QUANTIZED_LIMIT
        )
        weight = torch.fake_quantize_per_channel_affine(
            self.weight, scales, _zeros(scales), 0, -QUANTIZED_LIMIT, QUANTIZED_LIMIT
        )
        convolved: Tensor = self._conv_forward(features, weight, self.bias)
        return convolved

    @torch.no_grad()
    def _observe(self, features: Tensor) -> None:
        low, high = torch.aminmax(features)
        new, known = torch.maximum(-low, high), self.fake_quantized_input_reach
        if self.largest_over_processes is not None:
            new = self.largest_over_processes(new)
        # The first batch sets the reach; asking which it is would make a GPU wait.
        known.copy_(torch.where(known > 0, known.lerp(new, _AVERAGING), new))


def prepare(network: nn.Module, layers: Iterable[str]) -> None:
    """Let the *layers* of *network* (dotted paths of `nn.Conv2d` modules) compute in 8 bits from now on, in place.

    A module under several names is replaced under all of them.

    Raises InputError if a layer is no plain convolution of the network.
    """
    for layer in layers:
        places = dict(network.named_modules(remove_duplicate=False))
        plain = places.get(layer)
        if type(plain) is not nn.Conv2d:
            found = "there is none" if plain is None else f"it is a {type(plain).__name__}"
            raise InputError(f"cannot quantize the layer {layer}: {found}, expected a Conv2d; see quantizable_layers")
        replacement = FakeQuantizedConv2d(plain)
        for path in (path for path, module in places.items() if module is plain):
            network.set_submodule(path, replacement)


def prepare_all(network: nn.Module, input_hw: tuple[int, int]) -> tuple[str, ...]:
    """Prepare all layers of *network* that may compute in 8 bits, and return them; *input_hw*: (H, W), px.

    Raises InputError if there are none, or torch.export cannot read the network.
    """
    layers = quantizable_layers(network, input_hw).quantizable
    if not layers:
        raise InputError(
            f"cannot train {type(network).__name__} quantization-aware: none of its layers may compute in 8 bits; "
            "deploy it in fp16"
        )
    prepare(network, layers)
    return layers


def freeze_reaches(network: nn.Module, frozen: bool) -> None:
    """Stop (or let go on) the moving averages of input reaches; a network without 8-bit layers is left as it is."""
    for module in network.modules():
        if isinstance(module, FakeQuantizedConv2d):
            module.frozen = frozen


def input_reaches(network: nn.Module, state: Mapping[str, Tensor] | None = None) -> dict[str, float]:
    """Return the largest input magnitude that each 8-bit layer of *network* holds, by layer.

    *state*: where to read them, such as averaged weights; the network's own if left out.
    """
    state = network.state_dict() if state is None else state
    layers = (name for name, module in network.named_modules() if isinstance(module, FakeQuantizedConv2d))
    return {layer: float(state[f"{layer}.{_REACH}"]) for layer in layers}


def plain_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return *state* with the names that the network had before `prepare`."""
    return {name: tensor for name, tensor in state.items() if name.rpartition(".")[2] != _REACH}


def _half_scale(reach: Tensor) -> Tensor:
    # `quantization_scales.half_scale` on whatever device the reach lies: rounded up by carrying into the bits kept.
    step = (reach.float() / QUANTIZED_LIMIT).clamp(min=SMALLEST_SCALE)
    return ((step.view(torch.int32) + _LOST_BITS) & ~_LOST_BITS).view(torch.float32)


def _zeros(scale: Tensor) -> Tensor:
    return torch.zeros_like(scale, dtype=torch.int32)
