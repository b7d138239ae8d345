"""Efficient multi-scale attention (EMA).

Ouyang et al., "Efficient Multi-Scale Attention Module with Cross-Spatial Learning", ICASSP 2023.
The reference folds its eight groups into the batch; here they stay channels of grouped convolutions with the shared
weight repeated, so tensors stay four-dimensional and the batch axis stays free (Core ML and a dynamic batch need it).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_GROUPS = 8


class EMA(nn.Module):
    """Weigh each position by two cross-related descriptions of its channel group.

    Input and output N x C x H x W, C a multiple of 8. All weights are shared by the eight groups.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.width = channels // _GROUPS
        self.directional = nn.Conv2d(self.width, self.width, 1)
        self.local = nn.Conv2d(self.width, self.width, 3, padding=1)
        self.norm = nn.GroupNorm(self.width, self.width)
        # Sums the channels of a group and hands the sum back to each of them.
        self.register_buffer("_group_sum", torch.ones(channels, self.width, 1, 1), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* times their attention, which lies in (0, 1)."""
        height = features.shape[2]
        width = features.shape[3]
        rows = features.mean(3, keepdim=True)  # N x C x H x 1
        columns = features.mean(2, keepdim=True).transpose(2, 3)  # N x C x W x 1
        mixed = torch.sigmoid(self._shared_convolution(torch.cat((rows, columns), 2), self.directional))
        rows, columns = torch.split(mixed, [height, width], 2)
        gated = features * rows * columns.transpose(2, 3)
        gated = F.group_norm(
            gated, self.channels, self.norm.weight.repeat(_GROUPS), self.norm.bias.repeat(_GROUPS), self.norm.eps
        )
        local = self._shared_convolution(features, self.local)
        group_sum = self.get_buffer("_group_sum")
        related = self._group_softmax(gated) * local + self._group_softmax(local) * gated
        return features * torch.sigmoid(F.conv2d(related, group_sum, groups=_GROUPS))

    def _shared_convolution(self, features: Tensor, convolution: nn.Conv2d) -> Tensor:
        bias = convolution.bias
        return F.conv2d(
            features,
            convolution.weight.repeat(_GROUPS, 1, 1, 1),
            None if bias is None else bias.repeat(_GROUPS),
            padding=convolution.padding,
            groups=_GROUPS,
        )

    def _group_softmax(self, features: Tensor) -> Tensor:
        pooled = features.mean((2, 3)).reshape(-1, _GROUPS, self.width)  # N x 8 x C/8
        return torch.softmax(pooled, 2).reshape(-1, self.channels, 1, 1)
