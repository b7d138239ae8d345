"""Coordinate attention, the cross-region attention (CRA) of the state-space network's skips.

Hou, Zhou, Feng, "Coordinate Attention for Efficient Mobile Network Design", CVPR 2021. The CM-SSM paper (equations 2
to 7) gives neither reduction nor activation; those here are the published code's.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_REDUCTION = 32
_NARROWEST = 8


class CoordinateAttention(nn.Module):
    """Weigh each position by its row and its column: N x C x H x W -> N x C x H x W; *channels* is C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(_NARROWEST, channels // _REDUCTION)
        self.describe = nn.Conv2d(channels, hidden, 1)
        self.norm = nn.BatchNorm2d(hidden)
        self.weigh_rows = nn.Conv2d(hidden, channels, 1)
        self.weigh_columns = nn.Conv2d(hidden, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* times two weights, each in (0, 1)."""
        height, width = (int(size) for size in features.shape[2:])
        rows = features.mean(3, keepdim=True)  # N x C x H x 1
        columns = features.mean(2, keepdim=True).transpose(2, 3)  # N x C x W x 1
        described = F.hardswish(self.norm(self.describe(torch.cat((rows, columns), 2))))
        rows, columns = torch.split(described, [height, width], 2)
        by_row = torch.sigmoid(self.weigh_rows(rows))
        by_column = torch.sigmoid(self.weigh_columns(columns.transpose(2, 3)))
        return features * by_row * by_column
