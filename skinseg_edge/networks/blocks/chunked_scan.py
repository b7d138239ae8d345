"""The selective scan in two passes over chunks: the formulation that trains and exports.

A sequence of L steps is cut into M chunks of T; the T steps of all chunks run side by side. Pass 1 starts every chunk
from zero and finds what it adds to the state; a scan over the M chunks turns that into the state each one starts from;
pass 2 runs the T steps again from there and reads the state. All exponents are <= 0 and nothing is divided, so no step
size overflows; the whole sequence of states never exists.

Axes: N batch, K directions, E inner channels, S states, L = M x T steps. Channels come last: they are the longest axis,
and a processor goes through a broadcast product by its last one. Shapes are fixed integers but for N, and no tensor has
more than five axes, so ONNX 18, TensorRT-RTX and Core ML take the graph as it is.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "ChunkStep",
    "channels_by_step",
    "chunk_steps",
    "chunked_scan",
    "sequence_from_steps",
    "sums_before",
]

_GROUP = 4  # chunks that are summed one after the other
_FEW_CHUNKS = 16  # up to here doubling makes fewer nodes, and what it computes is little beside the steps


class ChunkStep(NamedTuple):
    """One position of all chunks: Δ_t and Δ_t u_t N x K x M x 1 x E, B_t N x K x M x S x 1, C_t N x K x M x 1 x S."""

    delta: Tensor
    driven: Tensor
    B: Tensor
    C: Tensor


def chunked_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return C_t h_t, N x K x L x E, and the states in which the chunks start, N x K x M x S x E.

    Arguments as those of `selective_scan`, all of one precision; *chunk*: T, a divisor of L.
    """
    rates = A.transpose(1, 2)[:, None]  # K x 1 x S x E
    steps = chunk_steps(u, delta, B, C, chunk)
    starts = _starting_states(steps, rates)
    states, read = starts, []
    for step in steps:
        states = torch.exp(step.delta * rates) * states + step.driven * step.B
        read.append(torch.matmul(step.C, states))  # N x K x M x 1 x E, in one pass over the states
    return sequence_from_steps(read), starts


def chunk_steps(u: Tensor, delta: Tensor, B: Tensor, C: Tensor, chunk: int) -> list[ChunkStep]:
    """Cut the sequences into the *chunk* steps of their chunks."""
    written = torch.split(_chunks(B, chunk).transpose(3, 4).contiguous(), 1, 4)
    rows = (channels_by_step(each, chunk) for each in (delta, delta * u, C))
    return [ChunkStep(d, x, b, c) for (d, x, c), b in zip(zip(*rows, strict=True), written, strict=True)]


def channels_by_step(values: Tensor, chunk: int) -> tuple[Tensor, ...]:
    """Cut N x K x L x (E or S) into *chunk* tensors N x K x M x 1 x (E or S)."""
    return torch.split(_chunks(values, chunk), 1, 3)


def _chunks(values: Tensor, chunk: int) -> Tensor:
    directions, length, width = (int(size) for size in values.shape[1:])
    return values.reshape(-1, directions, length // chunk, chunk, width)


def sequence_from_steps(steps: list[Tensor]) -> Tensor:
    """Join steps N x K x M x 1 x (E or S) to N x K x L x (E or S)."""
    directions, chunks, _, width = (int(size) for size in steps[0].shape[1:])
    return torch.cat(steps, 3).reshape(-1, directions, chunks * len(steps), width)


def _starting_states(steps: list[ChunkStep], rates: Tensor) -> Tensor:
    gains = steps[0].driven * steps[0].B
    for step in steps[1:]:
        gains = torch.exp(step.delta * rates) * gains + step.driven * step.B
    total = steps[0].delta
    for step in steps[1:]:
        total = total + step.delta
    return sums_before(gains, torch.exp(total * rates), 1)


def sums_before(gains: Tensor, decays: Tensor, direction: int) -> Tensor:
    """Return G_m of H_m = gains_m + decays_m G_m and G_m = H_{m - direction}, all N x K x M x S x E; the first is 0.

    *direction*: 1 or -1. Many chunks are first summed in groups, as steps are in chunks, a few by doubling.
    """
    chunks = int(gains.shape[2])
    if chunks <= _FEW_CHUNKS or chunks % _GROUP:
        return _shifted(_doubled(gains, decays, direction), direction, 0.0)
    return _grouped(gains, decays, direction)


def _doubled(gains: Tensor, decays: Tensor, direction: int) -> Tensor:
    """Hillis and Steele's scan: after the round of width w, each sum covers the 2w chunks up to its own."""
    chunks = int(gains.shape[2])
    for level in range(math.ceil(math.log2(chunks))):
        width = 2**level
        gains = gains + decays * _shifted(gains, direction * width, 0.0)
        if 2 * width < chunks:
            decays = decays * _shifted(decays, direction * width, 1.0)
    return gains


def _grouped(gains: Tensor, decays: Tensor, direction: int) -> Tensor:
    """Sum _GROUP neighbours one after the other, in all groups at once; the groups' totals begin them."""
    pairs = list(zip(_members(gains), _members(decays), strict=True))[::direction]
    total, decay = pairs[0]
    for gain, lost in pairs[1:]:
        total = gain + lost * total
        decay = decay * lost
    before = [sums_before(total, decay, direction)]
    for gain, lost in pairs[:-1]:
        before.append(gain + lost * before[-1])
    directions, groups, states, inner = (int(size) for size in total.shape[1:])
    return torch.cat(before[::direction], 3).reshape(-1, directions, groups * _GROUP, states, inner)


def _members(values: Tensor) -> tuple[Tensor, ...]:
    """Cut N x K x M x S x E into the first, second ... of every group, N x K x M / _GROUP x S x E each."""
    directions, chunks, states, inner = (int(size) for size in values.shape[1:])
    return torch.split(values.reshape(-1, directions, chunks // _GROUP, _GROUP * states, inner), states, 3)


def _shifted(values: Tensor, by: int, filling: float) -> Tensor:
    """Move the chunks of *values* by so many places towards the last, or the first if *by* < 0."""
    # Padding, not concatenation: zeros of activation size would be stored in the exported file.
    chunks = int(values.shape[2])
    if by < 0:
        return F.pad(values[:, :, -by:], (0, 0, 0, 0, 0, -by), value=filling)
    return F.pad(values[:, :, : chunks - by], (0, 0, 0, 0, by, 0), value=filling)
