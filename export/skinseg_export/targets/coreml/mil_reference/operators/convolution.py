"""Convolutions of one to three spatial dimensions. Source: ops/defs/iOS15/conv.py."""

from collections.abc import Sequence

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.operators.windows import padded, window_pads
from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["conv", "conv_transpose"]


@operator("conv")
def conv(
    x: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    dilations: Sequence[int],
    bias: Tensor | None = None,
    pad_type: str = "valid",
    pad: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of x (N, C_in, *D) with *weight* (C_out, C_in / groups, *K), plus *bias* (C_out,)."""
    pads = window_pads(pad_type, x.shape[2:], weight.shape[2:], strides, dilations=dilations, pad=pad)
    before, after = pads[0::2], pads[1::2]
    if before != after:
        x, before = padded(x, pads, 0.0), [0] * len(before)
    nothing = [0] * len(before)
    return torch.convolution(x, weight, bias, strides, before, dilations, False, nothing, groups)


@operator("conv_transpose")
def conv_transpose(
    x: Tensor,
    weight: Tensor,
    strides: Sequence[int],
    dilations: Sequence[int],
    bias: Tensor | None = None,
    pad_type: str = "valid",
    pad: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Return the transposed convolution of x (N, C_in, *D) with *weight* (C_in, C_out / groups, *K).

    Without padding it is (D - 1) stride + (K - 1) dilation + 1 long; `custom` cuts *pad* off, `same` what is beyond
    D stride, half of it in front. An *output_shape* says where it ends instead: cut there, or lengthened by *bias*.
    """
    nothing = [0] * len(strides)
    whole = torch.convolution(x, weight, None, strides, nothing, dilations, True, nothing, groups)
    if pad_type.startswith("same"):
        excess = [
            size - stride * given for size, stride, given in zip(whole.shape[2:], strides, x.shape[2:], strict=True)
        ]
        cut = [amount for total in excess for amount in _halves(total, pad_type)]
    else:
        cut = list(pad) if pad_type == "custom" and pad else [0] * (2 * len(strides))
    if output_shape is not None:
        ends = zip(whole.shape[2:], cut[0::2], output_shape[2:], strict=True)
        cut[1::2] = [size - front - length for size, front, length in ends]
    result = padded(whole, [-amount for amount in cut], 0.0)
    return result if bias is None else result + bias.reshape(-1, *[1] * len(strides))


def _halves(total: int, pad_type: str) -> list[int]:
    lesser, greater = total // 2, total - total // 2
    return [lesser, greater] if pad_type == "same" else [greater, lesser]
