"""The gradient of the selective scan, by hand: a scan from the end, in the same chunks.

With g_t the gradient of the state h_t and a_t = exp(Δ_t A): g_t = C_t ȳ_t + a_{t+1} g_{t+1}. Torch's own gradient of
`chunked_scan` is the same (a test holds them together), but keeps some ten tensors as large as the whole sequence of
states; this one keeps the states between chunks and computes those inside again.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from skinseg_edge.networks.blocks.chunked_scan import (
    ChunkStep,
    channels_by_step,
    chunk_steps,
    sequence_from_steps,
    sums_before,
)
from skinseg_edge.networks.blocks.scan_in_place import scanned

__all__ = ["ScanWithGradient"]


class ScanWithGradient(torch.autograd.Function):
    """`chunked_scan` with the gradient above; `apply` takes its arguments and returns C_t h_t alone."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, chunk: int) -> Tensor:
        """Scan and remember the states in which the chunks start."""
        y, starts = scanned(u, delta, A, B, C, chunk)
        ctx.save_for_backward(u, delta, A, B, C, starts)
        ctx.chunk = chunk
        return y

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # once_differentiable has no types in torch
        ctx: Any, *slopes: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of u, Δ, A, B and C."""
        u, delta, A, B, C, starts = ctx.saved_tensors
        rates = A.transpose(1, 2)[:, None]  # K x 1 x S x E
        steps = chunk_steps(u, delta, B, C, ctx.chunk)
        slope = channels_by_step(slopes[0], ctx.chunk)  # ȳ
        states, decays = _states(steps, rates, starts)
        carry = _carried_back(steps, slope, decays, rates)
        of_delta: list[Tensor] = []
        of_driven: list[Tensor] = []
        of_B: list[Tensor] = []
        of_C: list[Tensor] = []
        of_rates = torch.zeros_like(starts)
        for t in reversed(range(len(steps))):
            step = steps[t]
            of_C.append((slope[t] * states[t + 1]).sum(4)[:, :, :, None])
            gradient = torch.addcmul(carry, step.C.mT, slope[t])  # g_t
            of_B.append((gradient * step.driven).sum(4)[:, :, :, None])
            of_driven.append((gradient * step.B).sum(3, keepdim=True))
            carry = gradient.mul_(decays[t])
            of_exponent = carry * states[t]  # of Δ_t A
            of_delta.append((of_exponent * rates).sum(3, keepdim=True))
            of_rates.addcmul_(of_exponent, step.delta)
        driven = sequence_from_steps(of_driven[::-1])
        return (
            driven * delta,
            sequence_from_steps(of_delta[::-1]) + driven * u,
            of_rates.sum((0, 2)).transpose(1, 2),
            sequence_from_steps(of_B[::-1]),
            sequence_from_steps(of_C[::-1]),
            None,
        )


def _states(steps: list[ChunkStep], rates: Tensor, starts: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return h_0 to h_T of every chunk, and a_1 to a_T."""
    states, decays = [starts], []
    for step in steps:
        decays.append((step.delta * rates).exp_())
        states.append((decays[-1] * states[-1]).addcmul_(step.driven, step.B))
    return states, decays


def _carried_back(steps: list[ChunkStep], slope: tuple[Tensor, ...], decays: list[Tensor], rates: Tensor) -> Tensor:
    """Return a g of the first step of the chunk behind, which every chunk's last step begins with."""
    carry = torch.zeros_like(decays[0])
    for step, each, decay in zip(steps[::-1], slope[::-1], decays[::-1], strict=True):
        carry.addcmul_(step.C.mT, each).mul_(decay)
    total = torch.stack([step.delta for step in steps]).sum(0)
    return sums_before(carry, torch.exp(total * rates), -1)
