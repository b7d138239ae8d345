"""Reductions over axes, and order.

Source: ops/defs/iOS15/reduction.py, iOS17/reduction.py, iOS15/tensor_operation.py.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "argsort",
    "cumsum",
    "reduce_argmax",
    "reduce_argmin",
    "reduce_l1_norm",
    "reduce_l2_norm",
    "reduce_log_sum",
    "reduce_log_sum_exp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "reduce_sum_square",
    "topk",
]


@operator("reduce_sum")
def reduce_sum(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the sum over *axes*, all by default."""
    return x.sum(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_mean")
def reduce_mean(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the mean over *axes*."""
    return x.mean(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_max", moves_only=True)
def reduce_max(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the greatest number over *axes*."""
    return x.amax(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_min", moves_only=True)
def reduce_min(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the least number over *axes*."""
    return x.amin(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_prod")
def reduce_prod(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the product over *axes*."""
    for axis in sorted(_axes(x, axes), reverse=True):
        x = x.prod(axis, keepdim=keep_dims)
    return x


@operator("reduce_l1_norm")
def reduce_l1_norm(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the sum of |x| over *axes*."""
    return x.abs().sum(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_l2_norm")
def reduce_l2_norm(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the root of the sum of squares over *axes*."""
    return x.square().sum(_axes(x, axes), keepdim=keep_dims).sqrt()


@operator("reduce_sum_square")
def reduce_sum_square(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the sum of squares over *axes*."""
    return x.square().sum(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_log_sum")
def reduce_log_sum(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the logarithm of the sum over *axes*."""
    return x.sum(_axes(x, axes), keepdim=keep_dims).log()


@operator("reduce_log_sum_exp")
def reduce_log_sum_exp(x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Return the logarithm of the sum of e^x over *axes*."""
    return x.logsumexp(_axes(x, axes), keepdim=keep_dims)


@operator("reduce_argmax")
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return the place of the greatest number along *axis*, of equal ones the first; stored as *output_dtype*."""
    return x.argmax(axis, keepdim=keep_dims)


@operator("reduce_argmin")
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return the place of the least number along *axis*, of equal ones the first; stored as *output_dtype*."""
    return x.argmin(axis, keepdim=keep_dims)


@operator("cumsum")
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """Return the running sum along *axis*, without the number itself if *exclusive*, from the end if *reverse*."""
    ordered = x.flip(axis) if reverse else x
    total = ordered.cumsum(axis)
    total = total - ordered if exclusive else total
    return total.flip(axis) if reverse else total


@operator("argsort")
def argsort(x: Tensor, axis: int = -1, ascending: bool = False) -> Tensor:
    """Return the places of the numbers along *axis* in order, of equal ones the first before the next."""
    return torch.argsort(x, dim=axis, descending=not ascending, stable=True)


@operator("topk", moves_only=True)
def topk(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> tuple[Tensor, ...]:
    """Return the *k* greatest (least if *ascending*) numbers along *axis*, and their places if *return_indices*."""
    places = torch.argsort(x, dim=axis, descending=not ascending, stable=True).narrow(axis, 0, k)
    values = x.gather(axis, places)
    return (values, places) if return_indices else (values,)


def _axes(x: Tensor, axes: Sequence[int] | None) -> list[int]:
    return list(range(x.dim())) if axes is None else [axis % x.dim() for axis in axes]
