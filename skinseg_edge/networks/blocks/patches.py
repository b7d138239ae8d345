"""How a network of tokens changes its resolution: patches embedded, merged two by two, and taken apart again.

Liu et al., "Swin Transformer", ICCV 2021 (merging); Cao et al., "Swin-Unet", 2021 (expanding). Tokens: N x H x W x C.
"""

import torch
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Turn images into tokens: N x 3 x H x W -> N x H/side x W/side x *channels*."""

    def __init__(self, channels: int, side: int = 4) -> None:
        super().__init__()
        self.project = nn.Conv2d(3, channels, side, stride=side)
        self.norm = nn.LayerNorm(channels)

    def forward(self, images: Tensor) -> Tensor:
        """Return the tokens of *images*."""
        return self.norm(self.project(images).permute(0, 2, 3, 1))  # type: ignore[no-any-return]  # nn.Module.__call__


class PatchMerging(nn.Module):
    """Make one token of 2 x 2: N x H x W x C -> N x H/2 x W/2 x 2C; *channels* is C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduce = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the merged *tokens*, in the reference's order: down the left column, down the right."""
        quarters = [tokens[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(quarters, 3)))  # type: ignore[no-any-return]  # nn.Module.__call__


class PatchExpanding(nn.Module):
    """Make side x side tokens of one: N x H x W x C -> N x side H x side W x *after*; *before* is C."""

    def __init__(self, before: int, after: int, side: int = 2) -> None:
        super().__init__()
        self.side, self.after = side, after
        self.widen = nn.Linear(before, side * side * after, bias=False)
        self.norm = nn.LayerNorm(after)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the expanded *tokens*."""
        height, width = (int(size) for size in tokens.shape[1:3])
        wide = self.widen(tokens)
        # N and H share an axis: apart, the tensor would have six, and Core ML ends at five.
        wide = wide.reshape(-1, width, self.side, self.side, self.after).transpose(1, 2)  # NH x side x W x side x C
        return self.norm(wide.reshape(-1, self.side * height, self.side * width, self.after))  # type: ignore[no-any-return]  # nn.Module.__call__
