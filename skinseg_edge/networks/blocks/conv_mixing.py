"""Convolutional mixing network (CMN): two linear layers with a depthwise convolution between them."""

from torch import Tensor, nn
from torch.nn import functional as F


class ConvMixing(nn.Module):
    """Mix channels, and each channel with its neighbours: N x H x W x C -> N x H x W x C.

    *ratio*: how many times wider the middle is. The CM-SSM paper leaves it open; 4 is the custom of its relatives.
    """

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        wide = ratio * channels
        self.expand = nn.Linear(channels, wide)
        self.local = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.restore = nn.Linear(wide, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the mixed *tokens*."""
        wide = self.local(self.expand(tokens).permute(0, 3, 1, 2))
        return self.restore(F.gelu(wide).permute(0, 2, 3, 1))  # type: ignore[no-any-return]  # nn.Module.__call__
