"""Multiscale cavity fusion (MCF): dilated convolutions at several rates, weighed by channel and by place.

From "HHBSNet: A Global Channel-Spatial Attention and Multi-Scale Dilated Convolution Network for Automatic Melasma
Segmentation", Frontiers in Physiology 16, 2025; equation 8's 1 x 1 convolution and that of equation 16 are one here.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skinseg_edge.networks.blocks.conv_norm_relu import ConvNormRelu

_REDUCTION = 16  # of the channels in the hidden layer of the channel attention


class MultiscaleFusion(nn.Module):
    """Gather context at several scales: N x in_channels x H x W -> N x width x H x W.

    One branch sees a pixel, one for each of *rates* sees 3 x 3 places that far apart, and with *global_feature* one
    sees the whole map. Their concatenation F goes on as F + a F + b F, a attention a channel and b attention a place.
    """

    def __init__(self, in_channels: int, width: int, rates: Sequence[int], global_feature: bool = True) -> None:
        super().__init__()
        self.pixel = ConvNormRelu(in_channels, width)
        self.dilated = nn.ModuleList(_dilated(in_channels, width, rate) for rate in rates)
        # No batch normalisation: the pooled map is 1 x 1, and a batch of one picture would have no deviation.
        self.whole = nn.Conv2d(in_channels, width, 1) if global_feature else None
        channels = width * (1 + len(rates) + int(global_feature))
        self.channel = nn.Sequential(
            nn.Conv2d(channels, channels // _REDUCTION, 1), nn.ReLU(), nn.Conv2d(channels // _REDUCTION, channels, 1)
        )
        self.spatial = nn.Conv2d(2, 1, 1)
        self.project = ConvNormRelu(channels, width)

    def forward(self, features: Tensor) -> Tensor:
        """Return the context of *features* at every place."""
        branches = [self.pixel(features), *(branch(features) for branch in self.dilated)]
        if self.whole is not None:
            pooled = torch.relu(self.whole(features.mean((2, 3), keepdim=True)))  # N x width x 1 x 1
            branches.append(pooled.expand(-1, -1, features.shape[2], features.shape[3]))
        joined = torch.cat(branches, 1)
        channel = torch.sigmoid(self.channel(joined.mean((2, 3), keepdim=True)))  # N x 5 width x 1 x 1
        statistics = torch.cat((joined.mean(1, keepdim=True), joined.amax(1, keepdim=True)), 1)
        spatial = torch.sigmoid(self.spatial(statistics))  # N x 1 x H x W
        fused = joined + channel * joined + spatial * joined
        return self.project(fused)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch


def _dilated(in_channels: int, width: int, rate: int) -> nn.Sequential:
    depthwise = ConvNormRelu(in_channels, in_channels, 3, dilation=rate, groups=in_channels)
    return nn.Sequential(*depthwise, *ConvNormRelu(in_channels, width))
