"""Partial convolution (PConv): Chen et al., "Run, Don't Walk: Chasing Higher FLOPS", CVPR 2023, section 4.1."""

import torch
from torch import Tensor, nn


class PConv(nn.Module):
    """Convolve the first `channels // divisor` channels 3 x 3 and leave the rest: N x C x H x W -> N x C x H x W."""

    def __init__(self, channels: int, divisor: int = 2) -> None:
        super().__init__()
        self.convolved = channels // divisor
        self.untouched = channels - self.convolved
        self.convolution = nn.Conv2d(self.convolved, self.convolved, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* with their first channels convolved."""
        first, rest = torch.split(features, [self.convolved, self.untouched], 1)
        return torch.cat((self.convolution(first), rest), 1)
