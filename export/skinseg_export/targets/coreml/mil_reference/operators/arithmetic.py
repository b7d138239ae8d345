"""Arithmetic, comparison and logic, element by element with broadcasting.

Source: ops/defs/iOS15/elementwise_binary.py and elementwise_unary.py, iOS17/elementwise_unary.py (`cast`, epsilons).
"""

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "add",
    "cast",
    "clip",
    "equal",
    "floor_div",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "mul",
    "not_equal",
    "power",
    "real_div",
    "sub",
    "threshold",
]


@operator("add")
def add(x: Tensor, y: Tensor) -> Tensor:
    """Return x + y."""
    return x + y


@operator("sub")
def sub(x: Tensor, y: Tensor) -> Tensor:
    """Return x - y."""
    return x - y


@operator("mul")
def mul(x: Tensor, y: Tensor) -> Tensor:
    """Return x y."""
    return x * y


@operator("real_div")
def real_div(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y."""
    return x / y


@operator("floor_div")
def floor_div(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y, rounded down."""
    return torch.div(x, y, rounding_mode="floor")


@operator("mod")
def mod(x: Tensor, y: Tensor) -> Tensor:
    """Return x - y floor(x / y), which has the sign of y."""
    return torch.remainder(x, y)


@operator("pow")
def power(x: Tensor, y: Tensor) -> Tensor:
    """Return x to the power of y."""
    return torch.pow(x, y)


@operator("maximum", moves_only=True)
def maximum(x: Tensor, y: Tensor) -> Tensor:
    """Return the greater of the two."""
    return torch.maximum(x, y)


@operator("minimum", moves_only=True)
def minimum(x: Tensor, y: Tensor) -> Tensor:
    """Return the lesser of the two."""
    return torch.minimum(x, y)


@operator("equal")
def equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x = y."""
    return x == y


@operator("not_equal")
def not_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x differs from y."""
    return x != y


@operator("greater")
def greater(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x > y."""
    return x > y


@operator("greater_equal")
def greater_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x >= y."""
    return x >= y


@operator("less")
def less(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x < y."""
    return x < y


@operator("less_equal")
def less_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x <= y."""
    return x <= y


@operator("logical_and")
def logical_and(x: Tensor, y: Tensor) -> Tensor:
    """Return whether both are true."""
    return torch.logical_and(x, y)


@operator("logical_or")
def logical_or(x: Tensor, y: Tensor) -> Tensor:
    """Return whether one is true."""
    return torch.logical_or(x, y)


@operator("logical_xor")
def logical_xor(x: Tensor, y: Tensor) -> Tensor:
    """Return whether just one is true."""
    return torch.logical_xor(x, y)


@operator("logical_not")
def logical_not(x: Tensor) -> Tensor:
    """Return whether x is false."""
    return torch.logical_not(x)


@operator("cast")
def cast(x: Tensor, dtype: str) -> Tensor:
    """Return x as *dtype*: floats cut towards zero when they become whole, true where they are not 0.

    The evaluator stores every result in its declared type, which is this one.
    """
    return x


@operator("clip", moves_only=True)
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return x, held in [alpha, beta]."""
    return x.clamp(alpha, beta)


@operator("threshold", moves_only=True)
def threshold(x: Tensor, alpha: float) -> Tensor:
    """Return max(x, alpha)."""
    return x.clamp_min(alpha)
