"""Shapes: what moves numbers without changing them.

Source: ops/defs/iOS15/tensor_transformation.py and tensor_operation.py.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_export.targets.coreml.mil_reference.operators.windows import padded
from skinseg_export.targets.coreml.mil_reference.registry import operator

__all__ = [
    "concat",
    "expand_dims",
    "flatten2d",
    "pad",
    "reshape",
    "reverse",
    "shape_of",
    "slice_by_index",
    "slice_by_size",
    "sliding_windows",
    "split",
    "squeeze",
    "stack",
    "tile",
    "transpose",
]


@operator("shape")
def shape_of(x: Tensor) -> Tensor:
    """Return the lengths of the dimensions of x."""
    return torch.tensor(x.shape, dtype=torch.int32)


@operator("reshape", moves_only=True)
def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Return x in row-major order as *shape*; 0 keeps a length of x, -1 is what is left.

    Which length a 0 keeps is counted from the last dimension (iOS 17; before, both have as many); beyond the first it
    is 1.
    """
    given = (*[1] * max(0, len(shape) - x.dim()), *x.shape)
    kept = given[len(given) - len(shape) :]
    return x.reshape([length or own for length, own in zip(shape, kept, strict=True)])


@operator("transpose", moves_only=True)
def transpose(x: Tensor, perm: Sequence[int]) -> Tensor:
    """Return x with its dimensions in the order *perm*."""
    return x.permute(*perm)


@operator("expand_dims", moves_only=True)
def expand_dims(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Return x with dimensions of length 1 where the result's *axes* are."""
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("squeeze", moves_only=True)
def squeeze(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Return x without those of *axes* (all by default) that have length 1."""
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


@operator("flatten2d", moves_only=True)
def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    """Return x as a matrix: the dimensions before *axis*, and the rest."""
    return x.reshape(torch.Size(x.shape[:axis]).numel(), -1)


@operator("concat", moves_only=True)
def concat(values: tuple[Tensor, ...], axis: int, interleave: bool = False) -> Tensor:
    """Return the tensors one behind the other along *axis*, or element by element in turn if *interleave*."""
    if not interleave:
        return torch.cat([value.reshape(1) if value.dim() == 0 else value for value in values], axis)
    place = axis % values[0].dim()
    return torch.stack(values, place + 1).flatten(place, place + 1)


@operator("stack", moves_only=True)
def stack(values: tuple[Tensor, ...], axis: int) -> Tensor:
    """Return the tensors along a new *axis*."""
    return torch.stack(values, axis)


@operator("split", moves_only=True)
def split(
    x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Sequence[int] | None = None
) -> tuple[Tensor, ...]:
    """Return x cut along *axis* into *num_splits* equal parts, or into parts of *split_sizes*."""
    if split_sizes is not None:
        return torch.split(x, list(split_sizes), axis)
    return torch.split(x, x.shape[axis] // (num_splits or 1), axis)


@operator("slice_by_index", moves_only=True)
def slice_by_index(
    x: Tensor,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Sequence[bool] | None = None,
    end_mask: Sequence[bool] | None = None,
    squeeze_mask: Sequence[bool] | None = None,
) -> Tensor:
    """Return x[begin:end:stride] of every dimension, as NumPy has it.

    A mask says of which dimensions *begin* or *end* is ignored, and which keep only *begin* and vanish.
    """
    no = [False] * x.dim()
    vanishing = squeeze_mask or no
    for axis in range(x.dim()):
        step = stride[axis] if stride else 1
        first = None if (begin_mask or no)[axis] else begin[axis]
        last = None if (end_mask or no)[axis] else end[axis]
        if vanishing[axis]:
            first, last, step = begin[axis], begin[axis] + 1 or None, 1
        x = _sliced(x, axis, slice(first, last, step))
    return x.squeeze(tuple(axis for axis in range(x.dim()) if vanishing[axis]))


@operator("slice_by_size", moves_only=True)
def slice_by_size(x: Tensor, begin: Sequence[int], size: Sequence[int]) -> Tensor:
    """Return *size* numbers from *begin* of every dimension; a size of -1 is all the rest."""
    for axis, (first, length) in enumerate(zip(begin, size, strict=True)):
        first %= x.shape[axis]
        x = x.narrow(axis, first, x.shape[axis] - first if length == -1 else length)
    return x


@operator("pad", moves_only=True)
def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """Return x with *pad* numbers [before, after, ...] around its last dimensions.

    `constant`: of *constant_val*. `reflect`: mirrored without the edge. `replicate`: the edge.
    """
    if mode == "constant":
        return padded(x, pad, constant_val)
    inner = len(pad) // 2
    pairs = [pad[2 * axis : 2 * axis + 2] for axis in range(inner)]
    while inner and not any(pairs[0]):  # torch wants no more dimensions named than it can mirror
        pairs, inner = pairs[1:], inner - 1
    flat = x.reshape(1, -1, *x.shape[x.dim() - inner :])
    mirrored = F.pad(flat, [amount for pair in reversed(pairs) for amount in pair], mode=mode)
    return mirrored.reshape(*x.shape[: x.dim() - inner], *mirrored.shape[2:])


@operator("tile", moves_only=True)
def tile(x: Tensor, reps: Sequence[int]) -> Tensor:
    """Return x, repeated *reps* times along each dimension."""
    return x.repeat(*reps)


@operator("reverse", moves_only=True)
def reverse(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Return x with the order along *axes* (all by default) turned round."""
    return x.flip(tuple(range(x.dim())) if axes is None else tuple(axes))


@operator("sliding_windows", moves_only=True)
def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    """Return all windows of *size* along *axis*, every *stride*; a window's own dimension stands behind *axis*."""
    place = axis % x.dim()
    return x.unfold(place, size, stride).movedim(-1, place + 1)


def _sliced(x: Tensor, axis: int, part: slice) -> Tensor:
    first, last, step = part.indices(x.shape[axis])
    if step > 0:
        return x[(slice(None),) * axis + (slice(first, max(first, last), step),)]
    return x.index_select(axis, torch.arange(first, last, step))  # torch has no negative steps
