"""The selective scan as the papers write it: one step after the other, in float64."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ScanCase", "scan_case", "sequential_scan"]


class ScanCase(NamedTuple):
    """The arguments of `selective_scan`, in its order."""

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor


def scan_case(length: int, inner: int, *, stress: bool, states: int = 16, batch: int = 1) -> ScanCase:
    """Draw float64 arguments with the global generator.

    Nominal: step sizes up to 0.47 and rates -1 to -states, as after initialisation. *stress*: step sizes up to 13.6 and
    rates from -0.02 to -60, so that some states vanish in one step and others remember the whole sequence.
    """
    directions = 4
    shape = (batch, directions, length, inner)
    u, B, C = torch.randn(shape), *torch.randn(2, batch, directions, length, states)
    if stress:
        delta = 13.6 * torch.rand(shape) ** 8
        A = -torch.exp(torch.empty(directions, inner, states).uniform_(-4, 4.1))
    else:
        delta = 0.47 * torch.rand(shape) ** 2
        A = -torch.arange(1.0, states + 1).expand(directions, inner, states)
    D = torch.ones(directions, inner)
    return ScanCase(*(each.double() for each in (u, delta, A, B, C, D)))


def sequential_scan(case: ScanCase) -> Tensor:
    """Return y, N x K x L x E float64, by the recurrence itself."""
    u, delta, A, B, C, D = case
    state = torch.zeros(*u.shape[:2], *A.shape[1:], dtype=torch.float64)  # N x K x E x S
    read = []
    for t in range(u.shape[2]):
        step = delta[:, :, t, :, None]  # N x K x E x 1
        state = torch.exp(step * A) * state + step * u[:, :, t, :, None] * B[:, :, t, None]
        read.append((state * C[:, :, t, None]).sum(-1) + D * u[:, :, t])
    return torch.stack(read, 2)
