"""Quantized values between operators. Source: ops/defs/iOS17/quantization_ops.py."""

from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["dequantize", "quantize"]

_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


@operator("quantize")
def quantize(
    input: Tensor, scale: Tensor, output_dtype: str, zero_point: Tensor | None = None, axis: int | None = None
) -> Tensor:
    """Return round(input / scale) + zero_point, held in the range of *output_dtype*; of two nearest the even.

    *scale*, *zero_point*: one number, or one for each place along *axis*.
    """
    steps = (input / _along(scale, input, axis)).round()
    shifted = steps if zero_point is None else steps + _along(zero_point.float(), input, axis)
    return shifted.clamp(*_RANGES[output_dtype])


@operator("dequantize")
def dequantize(input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int | None = None) -> Tensor:
    """Return scale (input - zero_point)."""
    shifted = input.float() if zero_point is None else input.float() - _along(zero_point.float(), input, axis)
    return _along(scale, input, axis) * shifted


def _along(values: Tensor, x: Tensor, axis: int | None) -> Tensor:
    if axis is None or values.dim() == 0:
        return values
    place = axis % x.dim()
    return values.reshape(*[-1 if index == place else 1 for index in range(x.dim())])
