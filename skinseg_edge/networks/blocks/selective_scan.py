"""The selective scan of a state-space model, without a custom kernel and without a loop over the sequence.

h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t, y_t = C_t h_t + D u_t: Gu and Dao, "Mamba", 2023, equations 2 and 4.

A sequence of L steps is cut into M chunks of T; the T steps of all chunks run side by side. Pass 1 starts every chunk
from zero and finds what it adds to the state; a doubling scan over the M chunks turns that into the state each one
starts from; pass 2 runs the T steps again from there and reads the state. All exponents are <= 0 and nothing is
divided, so no step size overflows; the whole sequence of states never exists.

Axes: N batch, K directions, E inner channels, S states, L = M x T steps. Shapes are fixed integers but for N, and no
tensor has more than five axes, so the same code trains and exports (ONNX 18, TensorRT-RTX, Core ML).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["chunk_length", "selective_scan"]

_LONGEST_CHUNK = 16  # longer chunks make the exported graph longer and are hardly faster


class _Steps(NamedTuple):
    """One position of every chunk at once: Δ_t and Δ_t u_t are N x K x E x 1 x M, B_t and C_t N x K x 1 x S x M."""

    delta: Tensor
    driven: Tensor
    B: Tensor
    C: Tensor


def chunk_length(length: int) -> int:
    """Return the steps in a chunk: the largest divisor of *length* up to its square root and up to 16."""
    return max(steps for steps in range(1, _LONGEST_CHUNK + 1) if length % steps == 0 and steps * steps <= length)


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, chunk: int | None = None
) -> Tensor:
    """Return y, N x K x E x L float32, computed in float32 whatever the inputs are.

    *u*: N x K x E x L. *delta*: step sizes Δ > 0, N x K x E x L. *A*: decay rates < 0, K x E x S. *B*, *C*: how each
    step writes and reads the state, N x K x S x L. *D*: direct share of the input, K x E. *chunk*: T; the default is
    `chunk_length(L)`.

    Raises ValueError if L is not a multiple of chunk.
    """
    u, delta, A, B, C, D = (each.float() for each in (u, delta, A, B, C, D))
    length = int(u.shape[3])
    chunk = chunk_length(length) if chunk is None else chunk
    if length % chunk:
        raise ValueError(f"cannot scan {length} steps in chunks of {chunk}: expected a divisor of {length}")
    rates = A[..., None]  # K x E x S x 1
    steps = _steps(delta, delta * u, B, C, chunk)
    states = _starting_states(steps, rates)
    read = []
    for step in steps:
        states = torch.exp(step.delta * rates) * states + step.driven * step.B
        read.append((step.C * states).sum(3, keepdim=True))  # N x K x E x 1 x M
    y = torch.cat(read, 3).transpose(3, 4).reshape(-1, *(int(size) for size in u.shape[1:]))
    return y + D[..., None] * u


def _steps(delta: Tensor, driven: Tensor, B: Tensor, C: Tensor, chunk: int) -> list[_Steps]:
    directions, inner, length = (int(size) for size in delta.shape[1:])
    chunks = length // chunk

    def channels(values: Tensor) -> tuple[Tensor, ...]:
        values = values.reshape(-1, directions, inner, chunks, chunk).transpose(3, 4)
        return torch.split(values, 1, 3)

    def states(values: Tensor) -> tuple[Tensor, ...]:
        values = values.reshape(-1, directions, int(values.shape[2]), chunks, chunk).permute(0, 1, 4, 2, 3)
        return torch.split(values, 1, 2)

    return [_Steps(*each) for each in zip(channels(delta), channels(driven), states(B), states(C), strict=True)]


def _starting_states(steps: list[_Steps], rates: Tensor) -> Tensor:
    """Return the state in which each chunk starts, N x K x E x S x M."""
    gains = steps[0].driven * steps[0].B
    total = steps[0].delta
    for step in steps[1:]:
        gains = torch.exp(step.delta * rates) * gains + step.driven * step.B
        total = total + step.delta
    chunks = int(gains.shape[4])
    decays = torch.exp(total * rates)
    # Hillis and Steele's scan over the chunks: after the step of width w, `gains` covers the 2w chunks up to its own.
    for level in range(math.ceil(math.log2(chunks))):
        width = 2**level
        gains = gains + decays * _shifted(gains, width, 0.0)
        if 2 * width < chunks:
            decays = decays * _shifted(decays, width, 1.0)
    return _shifted(gains, 1, 0.0)


def _shifted(values: Tensor, by: int, filling: float) -> Tensor:
    # Padding, not concatenation: zeros of activation size would be stored in the exported file.
    return F.pad(values[..., : int(values.shape[-1]) - by], (by, 0), value=filling)
