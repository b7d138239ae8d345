"""Spatial and channel attention bridge over the five skip connections (SCAB).

Ruan et al., "MALUNet", BIBM 2022, sections II-D and II-E; SCSONet uses it unchanged.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SpatialChannelBridge(nn.Module):
    """Attend to every skip connection, in space with one shared kernel, in channels with all levels together.

    *widths* are the channels C_i of the skips; inputs and outputs are lists of N x C_i x H_i x W_i.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        total = sum(widths)
        self.spatial = nn.Conv2d(2, 1, 7, padding=9, dilation=3)
        # Linear layers written as 1 x 1 convolutions: TensorRT-RTX has no FP32 matrix product for Turing.
        self.mix_levels = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.channel = nn.ModuleList(nn.Conv2d(total, width, 1) for width in widths)

    def forward(self, skips: Sequence[Tensor]) -> list[Tensor]:
        """Return the attended *skips*: a_i * (s_i * t_i + t_i) + s_i * t_i."""
        spatial = [self._spatial_attention(skip) * skip for skip in skips]
        joined = [attended + skip for attended, skip in zip(spatial, skips, strict=True)]
        pooled = torch.cat([each.mean((2, 3)) for each in joined], 1)  # N x sum(C_i)
        described = self.mix_levels(pooled[:, None, :])  # N x 1 x sum(C_i)
        described = described.transpose(1, 2)[..., None]  # N x sum(C_i) x 1 x 1
        attentions = [torch.sigmoid(layer(described)) for layer in self.channel]
        return [a * u + p for a, u, p in zip(attentions, joined, spatial, strict=True)]

    def _spatial_attention(self, skip: Tensor) -> Tensor:
        statistics = torch.cat((skip.mean(1, keepdim=True), skip.amax(1, keepdim=True)), 1)  # N x 2 x H x W
        return torch.sigmoid(self.spatial(statistics))  # N x 1 x H x W
