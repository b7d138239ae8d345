"""Atrous spatial pyramid pooling (ASPP): one map seen through kernels of several reaches at once.

Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017, section 3.3, with ULFFN's order of
convolution, ReLU and normalisation.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.networks.blocks.conv_relu_norm import ConvReluNorm

_RATES = (6, 12, 18)  # of the three dilated branches, px


class ASPP(nn.Module):
    """Fuse five branches: 1 x 1, three dilated 3 x 3, and the mean of the whole map.

    Input N x in_channels x H x W, output N x out_channels x H x W; each branch makes *branch* channels.
    """

    def __init__(self, in_channels: int, out_channels: int, branch: int) -> None:
        super().__init__()
        self.near = ConvReluNorm(in_channels, branch, 1)
        self.dilated = nn.ModuleList(ConvReluNorm(in_channels, branch, 3, dilation=rate) for rate in _RATES)
        # No normalisation here: on N x C x 1 x 1 it would need batches of two pictures or more.
        self.whole = nn.Conv2d(in_channels, branch, 1)
        self.fuse = ConvReluNorm((2 + len(_RATES)) * branch, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* with their surroundings and their mean worked in."""
        height, width = features.shape[2], features.shape[3]
        whole = F.relu(self.whole(features.mean((2, 3), keepdim=True)))  # N x branch x 1 x 1
        branches = [self.near(features), *(convolve(features) for convolve in self.dilated)]
        branches.append(whole.expand(-1, -1, height, width))
        return self.fuse(torch.cat(branches, 1))  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch
