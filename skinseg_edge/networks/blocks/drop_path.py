"""Stochastic depth: a residual branch left out for whole pictures while training.

Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016.
"""

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Leave a branch out with probability *rate*, in [0, 1), and scale what remains so that its mean stays."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Return *branch* (N x ...), zero for the pictures that are drawn; unchanged outside training."""
        if not self.training or self.rate == 0:
            return branch
        kept = torch.rand((branch.shape[0], *[1] * (branch.ndim - 1)), device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate)).to(branch.dtype)
