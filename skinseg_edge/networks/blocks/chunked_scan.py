"""The selective scan in two passes over chunks: the formulation that trains and exports.

A sequence of L steps is cut into M chunks of T; the T steps of all chunks run side by side. Pass 1 starts every chunk
from zero and finds what it adds to the state; a doubling scan over the M chunks turns that into the state each one
starts from; pass 2 runs the T steps again from there and reads the state. All exponents are <= 0 and nothing is
divided, so no step size overflows; the whole sequence of states never exists.

Axes: N batch, K directions, E inner channels, S states, L = M x T steps. Shapes are fixed integers but for N, and no
tensor has more than five axes, so ONNX 18, TensorRT-RTX and Core ML take the graph as it is.
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
    "shifted",
    "sum_over_chunks",
]


class ChunkStep(NamedTuple):
    """One position of every chunk at once: Δ_t and Δ_t u_t are N x K x E x 1 x M, B_t and C_t N x K x 1 x S x M."""

    delta: Tensor
    driven: Tensor
    B: Tensor
    C: Tensor


def chunked_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Return C_t h_t, N x K x E x L, and the states in which the chunks start, N x K x E x S x M.

    Arguments as those of `selective_scan`, all of one precision; *chunk*: T, a divisor of L.
    """
    rates = A[..., None]  # K x E x S x 1
    steps = chunk_steps(u, delta, B, C, chunk)
    starts = _starting_states(steps, rates)
    states, read = starts, []
    for step in steps:
        states = torch.exp(step.delta * rates) * states + step.driven * step.B
        read.append((step.C * states).sum(3, keepdim=True))  # N x K x E x 1 x M
    return sequence_from_steps(read, 3), starts


def chunk_steps(u: Tensor, delta: Tensor, B: Tensor, C: Tensor, chunk: int) -> list[ChunkStep]:
    """Cut the sequences into the *chunk* steps of their chunks."""
    channels = (channels_by_step(each, chunk) for each in (delta, delta * u))
    states = (_states_by_step(each, chunk) for each in (B, C))
    return [ChunkStep(*each) for each in zip(*channels, *states, strict=True)]


def channels_by_step(values: Tensor, chunk: int) -> tuple[Tensor, ...]:
    """Cut N x K x E x L into *chunk* tensors N x K x E x 1 x M."""
    directions, inner, length = (int(size) for size in values.shape[1:])
    chunks = values.reshape(-1, directions, inner, length // chunk, chunk).transpose(3, 4)
    return torch.split(chunks.contiguous(), 1, 3)


def _states_by_step(values: Tensor, chunk: int) -> tuple[Tensor, ...]:
    """Cut N x K x S x L into *chunk* tensors N x K x 1 x S x M."""
    directions, states, length = (int(size) for size in values.shape[1:])
    chunks = values.reshape(-1, directions, states, length // chunk, chunk).permute(0, 1, 4, 2, 3)
    return torch.split(chunks.contiguous(), 1, 2)


def sequence_from_steps(steps: list[Tensor], axis: int) -> Tensor:
    """Join what `channels_by_step` (*axis* 3) or the cut of states (*axis* 2) has parted: N x K x (E or S) x L."""
    joined = torch.cat(steps, axis)
    joined = joined.permute(0, 1, 2, 4, 3) if axis == 3 else joined.permute(0, 1, 3, 4, 2)  # ... x M x T
    directions, width, chunks, chunk = (int(size) for size in joined.shape[1:])
    return joined.reshape(-1, directions, width, chunks * chunk)


def _starting_states(steps: list[ChunkStep], rates: Tensor) -> Tensor:
    gains = steps[0].driven * steps[0].B
    for step in steps[1:]:
        gains = torch.exp(step.delta * rates) * gains + step.driven * step.B
    total = steps[0].delta
    for step in steps[1:]:
        total = total + step.delta
    return shifted(sum_over_chunks(gains, torch.exp(total * rates), 1), 1, 0.0)


def sum_over_chunks(gains: Tensor, decays: Tensor, direction: int) -> Tensor:
    """Return G_m = gains_m + decays_m G_{m - direction}, all N x K x E x S x M; *direction*: 1 or -1.

    Hillis and Steele's scan: after the round of width w, each sum covers the 2w chunks up to its own.
    """
    chunks = int(gains.shape[4])
    for level in range(math.ceil(math.log2(chunks))):
        width = 2**level
        gains = gains + decays * shifted(gains, direction * width, 0.0)
        if 2 * width < chunks:
            decays = decays * shifted(decays, direction * width, 1.0)
    return gains


def shifted(values: Tensor, by: int, filling: float) -> Tensor:
    """Move the last axis of *values* by so many places towards its end, or its beginning if *by* < 0."""
    # Padding, not concatenation: zeros of activation size would be stored in the exported file.
    length = int(values.shape[-1])
    if by < 0:
        return F.pad(values[..., -by:], (0, -by), value=filling)
    return F.pad(values[..., : length - by], (by, 0), value=filling)
