"""Global channel-spatial attention (GCSA), from the HHBSNet paper (Frontiers in Physiology 16, 2025)."""

import torch
from torch import Tensor, nn

GROUPS = 4
_REDUCTION = 4


class GCSA(nn.Module):
    """Weigh channels pixel by pixel, shuffle them, and weigh places: N x C x H x W to the same, C a multiple of 4."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        hidden = channels // _REDUCTION
        # The paper permutes the axes for two linear layers a pixel; those are 1 x 1 convolutions.
        self.channel = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, hidden, 7, padding=3),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 7, padding=3),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return *features* times both attentions, which lie in (0, 1); the channels come out shuffled."""
        weighed = self._shuffled(features * torch.sigmoid(self.channel(features)))
        return weighed * torch.sigmoid(self.spatial(weighed))

    def _shuffled(self, features: Tensor) -> Tensor:
        """Deal the channels out anew, so that each quarter holds channels of all four."""
        height, width = features.shape[2], features.shape[3]
        grouped = features.reshape(-1, GROUPS, self.channels // GROUPS, height, width)
        return grouped.transpose(1, 2).reshape(-1, self.channels, height, width)  # N x C/4 x 4 x H x W before
