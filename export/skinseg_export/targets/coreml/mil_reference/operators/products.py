"""Products of matrices. Source: ops/defs/iOS15/linear.py, iOS18/transformers.py."""

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = ["attention", "einsum", "linear", "matmul"]


@operator("linear")
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x (..., D_in) times the transpose of *weight* (D_out, D_in), plus *bias* (D_out,)."""
    return F.linear(x, weight, bias)


@operator("matmul")
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Return the product of the last two dimensions, each transposed first if asked; the others are broadcast."""
    left = x.transpose(-1, -2) if transpose_x and x.dim() > 1 else x
    right = y.transpose(-1, -2) if transpose_y and y.dim() > 1 else y
    return torch.matmul(left, right)


@operator("einsum")
def einsum(values: tuple[Tensor, ...], equation: str) -> Tensor:
    """Return the sum of products that *equation* writes in Einstein's notation."""
    return torch.einsum(equation, *values)


@operator("scaled_dot_product_attention")
def attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """Return softmax(query key^T / sqrt(E) + mask) value; query (..., L, E), key (..., S, E), value (..., S, EV).

    *attn_mask*: added if it is a float; where it is a bool, False shuts an entry out.
    """
    return F.scaled_dot_product_attention(query, key, value, attn_mask)
