"""Normalisation by given or own statistics. Source: ops/defs/iOS15/normalization.py."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["batch_norm", "instance_norm", "l2_norm", "layer_norm", "local_response_norm"]


@operator("batch_norm")
def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Return gamma (x - mean) / sqrt(variance + epsilon) + beta, all four (C,), for x (N, C, *D)."""
    return F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon)


@operator("instance_norm")
def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5) -> Tensor:
    """Normalise each channel of each picture by its own mean and variance, then gamma x + beta, both (C,)."""
    axes = list(range(2, x.dim()))
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return _scaled((x - mean) * (variance + epsilon).rsqrt(), gamma, beta, (-1, *[1] * len(axes)))


@operator("layer_norm")
def layer_norm(
    x: Tensor,
    axes: Sequence[int],
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Normalise over *axes* by mean and variance, then gamma x + beta, both of the shape of x along *axes*."""
    normal = {axis % x.dim() for axis in axes}
    variance, mean = torch.var_mean(x, sorted(normal), correction=0, keepdim=True)
    shape = [size if axis in normal else 1 for axis, size in enumerate(x.shape)]
    return _scaled((x - mean) * (variance + epsilon).rsqrt(), gamma, beta, shape)


@operator("l2_norm")
def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Divide the last three dimensions by sqrt(sum of their squares + epsilon)."""
    return x * (x.square().sum((-3, -2, -1), keepdim=True) + epsilon).rsqrt()


@operator("local_response_norm")
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Return x / (k + alpha / size * sum of the squares of *size* neighbouring channels)^beta."""
    return F.local_response_norm(x, size, alpha, beta, k)


def _scaled(x: Tensor, gamma: Tensor | None, beta: Tensor | None, shape: Sequence[int]) -> Tensor:
    scaled = x if gamma is None else x * gamma.reshape(tuple(shape))
    return scaled if beta is None else scaled + beta.reshape(tuple(shape))
