"""Convolutions, plain and transposed, with every kind of padding, and products of matrices."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(1, 4, 9, 10)
_LINE = numbers(1, 4, 11, seed=1)
_BLOCK = numbers(1, 2, 5, 6, 7, seed=2)
_W = numbers(6, 4, 3, 2, seed=3, low=-0.5, high=0.5)
_BIAS = numbers(6, seed=4)
_GROUPED = numbers(6, 2, 3, 3, seed=5, low=-0.5, high=0.5)
_BACK = numbers(4, 3, 3, 3, seed=6, low=-0.5, high=0.5)
_ROWS = numbers(2, 3, 8, seed=7)
_MATRIX = numbers(5, 8, seed=8, low=-0.5, high=0.5)
_QUERY, _KEY, _VALUE = (numbers(1, 2, length, 4, seed=9 + length) for length in (6, 5, 5))


def _conv(**options: Any) -> Callable[..., Any]:
    return lambda mb, x: mb.conv(x=x, weight=_W.numpy(), bias=_BIAS.numpy(), **options)


def _padded(x: Tensor, pads: list[int], **options: Any) -> Tensor:
    return F.conv2d(F.pad(x, pads), _W, _BIAS, **options)


def _transposed(**options: Any) -> Callable[..., Any]:
    return lambda mb, x: mb.conv_transpose(x=x, weight=_BACK.numpy(), **options)


CASES = (
    Case("conv", lambda x: F.conv2d(x, _W, _BIAS), (_X,)),
    Case("conv", lambda x: F.conv2d(x, _W, None, (2, 1), (1, 2), (2, 1)), (_X,), note="strided and dilated"),
    Case("conv", lambda x: F.conv2d(x, _GROUPED, _BIAS, padding=1, groups=2), (_X,), note="in groups"),
    Case("conv", lambda x: F.conv2d(x, _GROUPED[:4, :1], None, padding=1, groups=4), (_X,), note="by channel"),
    Case("conv", lambda x: F.conv1d(x, _W[:, :, 0], _BIAS, 2, 1), (_LINE,), note="of a line"),
    Case("conv", lambda x: F.conv3d(x, _GROUPED[:, :, None], _BIAS, padding=(0, 1, 1)), (_BLOCK,), note="of a block"),
    Case(
        "conv",
        lambda x: _padded(x, [2, 0, 1, 3]),
        (_X,),
        _conv(pad_type="custom", pad=[1, 3, 2, 0]),
        note="padded otherwise in front than behind",
    ),
    # 9 rows at stride 2 give 5, which takes 2 more than there are: 1 and 1. 10 columns at stride 1 take 1: behind.
    Case(
        "conv",
        lambda x: _padded(x, [0, 1, 1, 1], stride=(2, 1)),
        (_X,),
        _conv(pad_type="same", strides=[2, 1]),
        note="same",
    ),
    Case(
        "conv",
        lambda x: _padded(x, [1, 0, 1, 1], stride=(2, 1)),
        (_X,),
        _conv(pad_type="same_lower", strides=[2, 1]),
        note="same, the rest in front",
    ),
    Case(
        "conv",
        lambda x, w: F.conv2d(x, w),
        (_X, _W),
        lambda mb, x, w: mb.conv(x=x, weight=w),
        note="with computed weights",
    ),
    Case("conv_transpose", lambda x: F.conv_transpose2d(x, _BACK, _BIAS[:3], 2), (_X,)),
    Case(
        "conv_transpose",
        lambda x: F.conv_transpose2d(x, _BACK, None, 2, 1, dilation=2),
        (_X,),
        note="padded and dilated",
    ),
    Case("conv_transpose", lambda x: F.conv_transpose2d(x, _BACK, _BIAS[:3], 2, 1, 1), (_X,), note="with more behind"),
    Case(
        "conv_transpose", lambda x: F.conv_transpose2d(x, _GROUPED[:4], _BIAS[:4], 2, groups=2), (_X,), note="in groups"
    ),
    Case("conv_transpose", lambda x: F.conv_transpose1d(x, _W[:4, :, 0], None, 3), (_LINE,), note="of a line"),
    # (9 - 1) * 2 + 3 = 19 rows, of which 18 stay: the one too many is behind.
    Case(
        "conv_transpose",
        lambda x: F.conv_transpose2d(x, _BACK, None, 2)[:, :, :18, :20],
        (_X,),
        _transposed(pad_type="same", strides=[2, 2]),
        note="same",
    ),
    Case(
        "conv_transpose",
        lambda x: F.conv_transpose2d(x, _BACK, None, 2, 1, 1),
        (_X,),
        _transposed(pad_type="custom", pad=[1, 1, 1, 1], strides=[2, 2], output_shape=[1, 3, 18, 20]),
        note="to a given size",
    ),
    Case("linear", lambda x: F.linear(x, _MATRIX, _BIAS[:5]), (_ROWS,)),
    Case("matmul", lambda x, y: x @ y.transpose(-1, -2), (_QUERY, _KEY)),
    Case("matmul", lambda x, y: torch.matmul(x.transpose(-1, -2), y), (_KEY, _VALUE), note="of the transposed"),
    Case(
        "einsum",
        lambda x, y: torch.einsum("nchw,nwhu->nchu", x, y),
        (numbers(2, 5, 3, 7, seed=19), numbers(2, 7, 3, 4, seed=20)),
        lambda mb, x, y: mb.einsum(values=(x, y), equation="nchw,nwhu->nchu"),
    ),
    Case("scaled_dot_product_attention", F.scaled_dot_product_attention, (_QUERY, _KEY, _VALUE), ios=18),
)
