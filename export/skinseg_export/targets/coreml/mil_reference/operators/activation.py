"""Activations: element by element, and softmax. Source: ops/defs/iOS15/activation.py."""

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "clamped_relu",
    "elu",
    "gelu",
    "leaky_relu",
    "linear_activation",
    "prelu",
    "relu",
    "relu6",
    "scaled_tanh",
    "sigmoid",
    "sigmoid_hard",
    "silu",
    "softmax",
    "softplus",
    "softplus_parametric",
    "softsign",
    "thresholded_relu",
]


@operator("relu", moves_only=True)
def relu(x: Tensor) -> Tensor:
    """Return max(x, 0)."""
    return torch.relu(x)


@operator("relu6", moves_only=True)
def relu6(x: Tensor) -> Tensor:
    """Return min(max(x, 0), 6)."""
    return x.clamp(0, 6)


@operator("leaky_relu")
def leaky_relu(x: Tensor, alpha: float) -> Tensor:
    """Return x where x >= 0, else alpha x."""
    return F.leaky_relu(x, alpha)


@operator("prelu")
def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """Return x where x > 0, else alpha of its channel times x; alpha (C,)."""
    return F.prelu(x, alpha)


@operator("clamped_relu")
def clamped_relu(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return min(x, beta) where x >= 0, else min(alpha x, beta)."""
    return F.leaky_relu(x, alpha).clamp_max(beta)


@operator("thresholded_relu", moves_only=True)
def thresholded_relu(x: Tensor, alpha: float) -> Tensor:
    """Return x where x >= alpha, else 0."""
    return torch.where(x >= alpha, x, torch.zeros(()))


@operator("elu")
def elu(x: Tensor, alpha: float) -> Tensor:
    """Return x where x > 0, else alpha (e^x - 1)."""
    return F.elu(x, alpha)


@operator("gelu")
def gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    """Return x times the normal distribution's share below x: exactly, or by a tanh or a sigmoid(1.702 x)."""
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


@operator("silu")
def silu(x: Tensor) -> Tensor:
    """Return x sigmoid(x)."""
    return F.silu(x)


@operator("sigmoid")
def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e^-x)."""
    return torch.sigmoid(x)


@operator("sigmoid_hard")
def sigmoid_hard(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha x + beta, held in [0, 1]."""
    return (alpha * x + beta).clamp(0, 1)


@operator("linear_activation")
def linear_activation(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha x + beta."""
    return alpha * x + beta


@operator("scaled_tanh")
def scaled_tanh(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha tanh(beta x)."""
    return alpha * torch.tanh(beta * x)


@operator("softplus")
def softplus(x: Tensor) -> Tensor:
    """Return log(1 + e^x)."""
    return _softplus(x)


@operator("softplus_parametric")
def softplus_parametric(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Return alpha log(1 + e^(beta x)); alpha and beta (C,), one of each a channel."""
    per_channel = (-1, *[1] * (x.dim() - 2))  # (C, 1, ...)
    return alpha.reshape(per_channel) * _softplus(beta.reshape(per_channel) * x)


@operator("softsign")
def softsign(x: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    return F.softsign(x)


@operator("softmax")
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return e^x divided by its sum along *axis*."""
    return torch.softmax(x, axis)


def _softplus(x: Tensor) -> Tensor:
    return torch.logaddexp(x, torch.zeros(()))
