"""Spatial and channel reconstruction convolution (ScConv).

Li, Wen, He, "SCConv: Spatial and Channel Reconstruction Convolution for Feature Redundancy", CVPR 2023.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_GROUPS = 16
_EPSILON = 1e-5  # the reference adds 1e-10 to the deviation, which vanishes in half precision


class SpatialReconstruction(nn.Module):
    """Exchange informative and redundant activations between the two channel halves (SRU, equations 1-5).

    Input and output N x C x H x W. The 16 normalisation groups are contiguous slices of each picture's flattened
    C * H * W values, as in the reference code, so they need not hold whole channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.randn(channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Return the reconstruction of *features*.

        The gate is `v >= 0`, which is what the paper's `sigmoid(v) >= 0.5` says, without the rounding of the sigmoid:
        two runtimes then agree to 1e-5 instead of 1e-2.
        """
        _, channels, height, width = features.shape
        length = channels * height * width // _GROUPS
        flat = features.reshape(-1, _GROUPS, length)  # N x 16 x CHW/16
        # instance_norm divides by the biased deviation; the reference by the unbiased one.
        scale = math.sqrt((length - 1) / length)
        normalised = (F.instance_norm(flat, eps=_EPSILON) * scale).reshape(-1, channels, height, width)
        weight = self.gamma / self.gamma.sum()
        value = (normalised * self.gamma + self.beta) * weight
        informative = torch.where(value >= 0, features, torch.zeros_like(features[:, :1, :1, :1]))
        redundant = features - informative
        informative_a, informative_b = informative.chunk(2, 1)
        redundant_a, redundant_b = redundant.chunk(2, 1)
        return torch.cat((informative_a + redundant_b, informative_b + redundant_a), 1)


class ChannelReconstruction(nn.Module):
    """Transform half of the channels richly, half cheaply, and fuse them by softmax (CRU, equations 6-9).

    Input and output N x C x H x W, C a multiple of 8. Split 1/2, squeeze 2, groups 2. The fusing softmax runs over
    all 2C channels, as in the reference code; the paper's equation 8 prints a two-way softmax a channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.squeeze_rich = nn.Conv2d(half, quarter, 1, bias=False)
        self.squeeze_cheap = nn.Conv2d(half, quarter, 1, bias=False)
        self.grouped = nn.Conv2d(quarter, channels, 3, padding=1, groups=2)
        self.pointwise_rich = nn.Conv2d(quarter, channels, 1, bias=False)
        self.pointwise_cheap = nn.Conv2d(quarter, channels - quarter, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the fusion of the rich and the cheap path of *features*."""
        upper, lower = features.chunk(2, 1)
        upper, lower = self.squeeze_rich(upper), self.squeeze_cheap(lower)
        rich = self.grouped(upper) + self.pointwise_rich(upper)  # N x C x H x W
        cheap = torch.cat((self.pointwise_cheap(lower), lower), 1)  # N x C x H x W
        both = torch.cat((rich, cheap), 1)  # N x 2C x H x W
        both = both * torch.softmax(both.mean((2, 3), keepdim=True), 1)
        first, second = both.chunk(2, 1)
        return first + second


class ScConv(nn.Sequential):
    """Spatial, then channel reconstruction: N x C x H x W -> N x C x H x W."""

    def __init__(self, channels: int) -> None:
        super().__init__(SpatialReconstruction(channels), ChannelReconstruction(channels))
