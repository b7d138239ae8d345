"""Pools of one to three spatial dimensions. Source: ops/defs/iOS15/pool.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.operators.windows import padded, window_pads
from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["avg_pool", "l2_pool", "max_pool"]

_MAX: dict[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: dict[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@operator("max_pool", moves_only=True)
def max_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the greatest number of each window of x (N, C, *D); padding never wins."""
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    return _MAX[x.dim() - 2](padded(x, pads.all, -torch.inf), kernel_sizes, strides)


@operator("avg_pool")
def avg_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int] | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the mean of each window of x (N, C, *D).

    Padding counts as zeros unless *exclude_padding_from_average*; what ceil mode reaches beyond it never counts.
    """
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    pool = _MEAN[x.dim() - 2]
    if not any(pads.all):
        return pool(x, kernel_sizes, strides)
    ones = padded(torch.ones(1, 1, *x.shape[2:]), pads.asked, 0.0 if exclude_padding_from_average else 1.0)
    share = pool(padded(ones, pads.beyond, 0.0), kernel_sizes, strides)  # of each window that counts
    return pool(padded(x, pads.all, 0.0), kernel_sizes, strides) / share


@operator("l2_pool")
def l2_pool(
    x: Tensor,
    kernel_sizes: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the root of the sum of squares of each window of x (N, C, *D)."""
    pads = _pads(x, kernel_sizes, strides, pad_type, pad, ceil_mode)
    count = torch.Size(kernel_sizes).numel()
    return (_MEAN[x.dim() - 2](padded(x.square(), pads.all, 0.0), kernel_sizes, strides) * count).sqrt()


@dataclass(frozen=True)
class _Pads:
    """*asked*: by the program. *beyond*: what the last window of ceil mode needs more, behind each dimension."""

    asked: list[int]
    beyond: list[int]

    @property
    def all(self) -> list[int]:
        return [asked + beyond for asked, beyond in zip(self.asked, self.beyond, strict=True)]


def _pads(
    x: Tensor,
    kernel: Sequence[int],
    strides: Sequence[int],
    pad_type: str,
    pad: Sequence[int] | None,
    ceil_mode: bool,
) -> _Pads:
    asked = window_pads(pad_type.lower(), x.shape[2:], kernel, strides, pad=pad)
    beyond = [0] * len(asked)
    for axis, size in enumerate(x.shape[2:]) if ceil_mode else ():
        before, after = asked[2 * axis : 2 * axis + 2]
        beyond[2 * axis + 1] = _beyond(size, before, after, kernel[axis], strides[axis])
    return _Pads(asked, beyond)


def _beyond(size: int, before: int, after: int, kernel: int, stride: int) -> int:
    """Return how far the last window reaches out when their number is rounded up.

    A window that would start in the padding behind the picture is left out.
    """
    length = size + before + after
    windows = -(-(length - kernel) // stride) + 1
    if (before or after) and (windows - 1) * stride >= size + before:
        windows -= 1
    return max(0, (windows - 1) * stride + kernel - length)
