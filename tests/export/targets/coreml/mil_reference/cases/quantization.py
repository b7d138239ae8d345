"""Values in 8 bits between operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.export.targets.coreml.mil_reference.case import Case, numbers

__all__ = ["CASES"]

_X = numbers(1, 4, 5, 6, low=-5, high=5)
_WEIGHT, _GRIDS = numbers(2, 4, 3, 3, seed=1, low=-1, high=1), torch.tensor([1 / 128, 1 / 64])
_SCALES = [0.125, 0.25, 0.03125, 0.0625]
_ZEROS = [0, 10, 128, 255]


def _rounded(x: Tensor) -> Tensor:
    """To whole steps of 1/32 in -128 to 127, where -4 and 3.97 are the ends."""
    return (x * 32).round().clamp(-128, 127) / 32


def _as_torch_has_it(x: Tensor) -> Tensor:
    steps = torch.quantize_per_tensor(x, 1 / 32, 0, torch.qint8).dequantize()
    weight = torch.quantize_per_channel(_WEIGHT, _GRIDS, torch.zeros(2, dtype=torch.int32), 0, torch.qint8)
    return F.conv2d(steps, weight.dequantize(), padding=1)


def _of_channels(x: Tensor) -> Tensor:
    scale, zero = (torch.tensor(values).float().reshape(-1, 1, 1) for values in (_SCALES, _ZEROS))
    return ((x / scale).round().add(zero).clamp(0, 255) - zero) * scale


def _there_and_back(kind: str, scale: object, **options: object) -> Callable[..., Any]:
    def build(mb: Any, x: Any) -> Any:
        steps = mb.quantize(input=x, scale=scale, output_dtype=kind, **options)
        return mb.dequantize(input=steps, scale=scale, **options)

    return build


_BY_CHANNEL = _there_and_back(
    "uint8", np.array(_SCALES, np.float32), zero_point=np.array(_ZEROS, np.uint8), axis=np.int32(1)
)

CASES = (
    Case("quantize", _rounded, (_X,), _there_and_back("int8", np.float32(1 / 32))),
    Case("dequantize", _of_channels, (_X,), _BY_CHANNEL, note="by channels"),
    Case("quantize", _as_torch_has_it, (_X,), note="as torch has it, weights by channels"),
)
