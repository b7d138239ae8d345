"""Compressed weights: what is stored small and unfolded when the program is loaded.

Source: ops/defs/iOS16/constexpr_ops.py (packed bits, one scale an axis) and ops/defs/iOS18/compression.py (blocks,
tables by groups, masks of single bits). Both generations share their operators' names; their inputs tell them apart.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "affine_dequantize",
    "blockwise_shift_scale",
    "constexpr_cast",
    "lut_to_dense",
    "lut_to_sparse",
    "sparse_blockwise_shift_scale",
    "sparse_to_dense",
]


@operator("constexpr_affine_dequantize")
def affine_dequantize(quantized_data: Tensor, zero_point: Tensor, scale: Tensor, axis: int) -> Tensor:
    """Return scale (data - zero_point); both are one number, or one for each place along *axis*. iOS 16."""
    along = [-1 if place == axis % quantized_data.dim() else 1 for place in range(quantized_data.dim())]
    return scale.reshape(_fitting(scale, along)) * (
        quantized_data.float() - zero_point.float().reshape(_fitting(zero_point, along))
    )


@operator("constexpr_blockwise_shift_scale")
def blockwise_shift_scale(data: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """Return scale (data - offset), each entry of both for a block of *data*; sizes divide block by block. iOS 18."""
    shifted = data.float() if offset is None else data.float() - _spread(offset.float(), data.shape)
    return _spread(scale, data.shape) * shifted


@operator("constexpr_lut_to_dense")
def lut_to_dense(
    indices: Tensor, lut: Tensor, shape: Sequence[int] | None = None, vector_axis: int | None = None
) -> Tensor:
    """Return the entries of the table *lut* at *indices*.

    iOS 16: a table (P,), the indices packed in bytes, log2 P bits each, the lowest bits first; *shape* is the result's.
    iOS 18: tables (*G, P, V), one for each group of *indices*; a vector of V fills V places along *vector_axis*.
    """
    if shape is not None:
        return lut[_unpacked(indices, lut.numel().bit_length() - 1, torch.Size(shape).numel())].reshape(tuple(shape))
    table = _spread(lut, (*indices.shape, *lut.shape[-2:]))  # (*indices, P, V)
    places = indices.long()[..., None, None].expand(*indices.shape, 1, lut.shape[-1])
    vectors = torch.take_along_dim(table, places, -2).squeeze(-2)  # (*indices, V)
    if vector_axis is None:
        return vectors.squeeze(-1)
    axis = vector_axis % indices.dim()
    return vectors.movedim(-1, axis + 1).flatten(axis, axis + 1)


@operator("constexpr_sparse_to_dense", moves_only=True)
def sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """Return *nonzero_data* in row-major order where *mask* is set, else 0.

    iOS 16: the mask packed in bytes, the lowest bit first; *shape* is the result's. iOS 18: one entry for each place.
    """
    if shape is not None:
        mask = _unpacked(mask, 1, torch.Size(shape).numel()).reshape(tuple(shape))
    dense = torch.zeros(mask.shape, dtype=nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


@operator("constexpr_lut_to_sparse", moves_only=True)
def lut_to_sparse(
    indices_mask: Tensor, indices_nonzero_data: Tensor, lut: Tensor, vector_axis: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mask (as long as the result along *vector_axis*) and the table's entries where it is set. iOS 18."""
    dense = lut_to_dense(sparse_to_dense(indices_nonzero_data, indices_mask), lut, vector_axis=vector_axis)
    mask = indices_mask if vector_axis is None else indices_mask.repeat_interleave(lut.shape[-1], vector_axis)
    return mask, dense[mask != 0]


@operator("constexpr_sparse_blockwise_shift_scale")
def sparse_blockwise_shift_scale(
    data_mask: Tensor, nonzero_data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mask and, where it is set, scale (data - offset) as in the dense layout. iOS 18."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


@operator("constexpr_cast")
def constexpr_cast(source_val: Tensor, output_dtype: str) -> Tensor:
    """Return float16 numbers, which a float32 program stores to save space, as *output_dtype*."""
    return source_val


def _fitting(values: Tensor, along: Sequence[int]) -> Sequence[int]:
    return along if values.dim() else []


def _spread(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Return *values* as *shape*, each of them repeated over its block."""
    for axis, (length, given) in enumerate(zip(shape, values.shape, strict=True)):
        if length != given:
            values = values.repeat_interleave(length // given, axis)
    return values


def _unpacked(packed: Tensor, bits: int, count: int) -> Tensor:
    """Return *count* whole numbers of *bits* bits each from the bytes *packed*, the lowest bit first."""
    single = (packed.long()[:, None] >> torch.arange(8)) & 1  # (bytes, 8)
    groups = single.reshape(-1)[: count * bits].reshape(count, bits)
    return (groups << torch.arange(bits)).sum(1)
