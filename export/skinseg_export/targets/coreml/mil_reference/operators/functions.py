"""Functions of one number, element by element.

Source: ops/defs/iOS15/elementwise_unary.py; the epsilons of `inverse`, `log` and `rsqrt` are added to x first.
"""

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "absolute",
    "acos",
    "asin",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "erf",
    "exp",
    "exp2",
    "floor",
    "inverse",
    "log",
    "nearest",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
]


@operator("abs", moves_only=True)
def absolute(x: Tensor) -> Tensor:
    """Return |x|; the negative of a float16 number is one too."""
    return x.abs()


@operator("sign", moves_only=True)
def sign(x: Tensor) -> Tensor:
    """Return -1, 0 or 1."""
    return x.sign()


@operator("square")
def square(x: Tensor) -> Tensor:
    """Return x^2."""
    return x * x


@operator("sqrt")
def sqrt(x: Tensor) -> Tensor:
    """Return the square root of x."""
    return x.sqrt()


@operator("rsqrt")
def rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    """Return 1 / sqrt(x + epsilon)."""
    return (x + epsilon).rsqrt()


@operator("inverse")
def inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    """Return 1 / (x + epsilon)."""
    return (x + epsilon).reciprocal()


@operator("log")
def log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    """Return the natural logarithm of x + epsilon."""
    return (x + epsilon).log()


@operator("exp")
def exp(x: Tensor) -> Tensor:
    """Return e^x."""
    return x.exp()


@operator("exp2")
def exp2(x: Tensor) -> Tensor:
    """Return 2^x."""
    return x.exp2()


@operator("erf")
def erf(x: Tensor) -> Tensor:
    """Return the error function of x."""
    return torch.erf(x)


@operator("floor", moves_only=True)
def floor(x: Tensor) -> Tensor:
    """Return x, rounded down; what float16 holds, it holds rounded too."""
    return x.floor()


@operator("ceil", moves_only=True)
def ceil(x: Tensor) -> Tensor:
    """Return x, rounded up."""
    return x.ceil()


@operator("round", moves_only=True)
def nearest(x: Tensor) -> Tensor:
    """Return the nearest whole number, of two equally near ones the even."""
    return x.round()


@operator("sin")
def sin(x: Tensor) -> Tensor:
    """Return the sine of x, radians."""
    return x.sin()


@operator("cos")
def cos(x: Tensor) -> Tensor:
    """Return the cosine of x, radians."""
    return x.cos()


@operator("tan")
def tan(x: Tensor) -> Tensor:
    """Return the tangent of x, radians."""
    return x.tan()


@operator("asin")
def asin(x: Tensor) -> Tensor:
    """Return the angle whose sine is x, radians."""
    return x.asin()


@operator("acos")
def acos(x: Tensor) -> Tensor:
    """Return the angle whose cosine is x, radians."""
    return x.acos()


@operator("atan")
def atan(x: Tensor) -> Tensor:
    """Return the angle whose tangent is x, radians."""
    return x.atan()


@operator("sinh")
def sinh(x: Tensor) -> Tensor:
    """Return the hyperbolic sine of x."""
    return x.sinh()


@operator("cosh")
def cosh(x: Tensor) -> Tensor:
    """Return the hyperbolic cosine of x."""
    return x.cosh()


@operator("tanh")
def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent of x."""
    return x.tanh()


@operator("atanh")
def atanh(x: Tensor) -> Tensor:
    """Return the number whose hyperbolic tangent is x."""
    return x.atanh()
