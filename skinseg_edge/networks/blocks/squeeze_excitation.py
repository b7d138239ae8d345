"""Squeeze-and-excitation: channels weighed by what the whole map holds.

Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018, on tokens.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_REDUCTION = 16


class SqueezeExcitation(nn.Module):
    """Weigh channels: N x H x W x C -> N x H x W x C; C is *channels*, described by C / 16 numbers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // _REDUCTION)
        self.reduce = nn.Linear(channels, hidden)
        self.restore = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return *tokens* times their channels' weights, which lie in (0, 1)."""
        described = tokens.mean((1, 2), keepdim=True)  # N x 1 x 1 x C
        return tokens * torch.sigmoid(self.restore(F.relu(self.reduce(described))))
