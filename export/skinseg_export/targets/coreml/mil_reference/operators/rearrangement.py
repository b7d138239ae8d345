"""Channels into pixels and back, gathering, and tensors made of rules.

Source: ops/defs/iOS15/tensor_transformation.py, scatter_gather.py and tensor_operation.py, and iOS16 and iOS17 of the
same names.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "band_part",
    "depth_to_space",
    "fill",
    "fill_like",
    "gather",
    "gather_along_axis",
    "gather_nd",
    "one_hot",
    "pixel_shuffle",
    "pixel_unshuffle",
    "range_1d",
    "reshape_like",
    "space_to_depth",
]


@operator("pixel_shuffle", moves_only=True)
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """Return x (N, C f^2, H, W) as (N, C, f H, f W); a channel's f^2 neighbours become its block, as in torch."""
    return F.pixel_shuffle(x, upscale_factor)


@operator("pixel_unshuffle", moves_only=True)
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """Return x (N, C, f H, f W) as (N, C f^2, H, W), the inverse of `pixel_shuffle`."""
    return F.pixel_unshuffle(x, downscale_factor)


@operator("depth_to_space", moves_only=True)
def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Return x (N, C b^2, H, W) as (N, C, b H, b W), the place in the block before the channel, as in TensorFlow."""
    N, C, H, W = x.shape
    blocks = x.reshape(N, block_size, block_size, C // block_size**2, H, W)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(N, -1, H * block_size, W * block_size)


@operator("space_to_depth", moves_only=True)
def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    """Return x (N, C, b H, b W) as (N, C b^2, H, W), the inverse of `depth_to_space`."""
    N, C, H, W = x.shape
    blocks = x.reshape(N, C, H // block_size, block_size, W // block_size, block_size)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(N, -1, H // block_size, W // block_size)


@operator("gather", moves_only=True)
def gather(x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """Return the entries of x along *axis* at *indices*; the first *batch_dims* dimensions of both go together."""
    place = axis % x.dim()
    if batch_dims:
        pairs = zip(x, indices, strict=True)
        return torch.stack([gather(part, chosen, place - 1, batch_dims - 1) for part, chosen in pairs])
    chosen = indices.long() % x.shape[place]  # negative ones count from the end
    taken = x.index_select(place, chosen.reshape(-1))
    return taken.reshape([*x.shape[:place], *indices.shape, *x.shape[place + 1 :]])


@operator("gather_along_axis", moves_only=True)
def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    """Return for each place of *indices* the entry of x there, its number along *axis* replaced by the index."""
    return torch.take_along_dim(x, indices.long() % x.shape[axis], axis)


@operator("gather_nd", moves_only=True)
def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """Return the parts of x that the last dimension of *indices* names by its first places."""
    if batch_dims:
        pairs = zip(x, indices, strict=True)
        return torch.stack([gather_nd(part, chosen, batch_dims - 1) for part, chosen in pairs])
    return x[tuple(indices.long().unbind(-1))]


@operator("fill")
def fill(shape: Sequence[int], value: Tensor) -> Tensor:
    """Return *shape* full of *value*."""
    return value.expand(tuple(shape)).clone()


@operator("fill_like")
def fill_like(ref_tensor: Tensor, value: Tensor) -> Tensor:
    """Return the shape of *ref_tensor* full of *value*."""
    return value.expand(ref_tensor.shape).clone()


@operator("reshape_like", moves_only=True)
def reshape_like(
    x: Tensor,
    ref_tensors: tuple[Tensor, ...],
    begins: Sequence[int],
    ends: Sequence[int],
    end_masks: Sequence[bool],
) -> Tensor:
    """Return x in the shape made of the dimensions begins[i] to ends[i] of each reference, to its end if masked."""
    shape: list[int] = []
    for reference, first, last, to_end in zip(ref_tensors, begins, ends, end_masks, strict=True):
        shape += reference.shape[first : None if to_end else last]
    return x.reshape(shape)


@operator("range_1d")
def range_1d(start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    """Return start, start + step, ... below *end*."""
    return torch.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


@operator("band_part", moves_only=True)
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Return x with zeros beyond *lower* diagonals below and *upper* above the middle of its matrices; -1 keeps all."""
    banded = x if lower < 0 else x.triu(-lower)
    return banded if upper < 0 else banded.tril(upper)


@operator("one_hot")
def one_hot(indices: Tensor, one_hot_vector_size: int, on_value: Tensor, off_value: Tensor, axis: int = -1) -> Tensor:
    """Return *on_value* where the place along the new *axis* is the index, else *off_value*."""
    places = torch.arange(one_hot_vector_size)
    chosen = (indices.unsqueeze(-1) == places).movedim(-1, axis)
    return torch.where(chosen, on_value, off_value)
