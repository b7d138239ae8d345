"""Bilinear enlarging to a size that is known when the graph is written."""

from torch import Tensor
from torch.nn import functional as F


def enlarged(features: Tensor, hw: tuple[int, int]) -> Tensor:
    """Resize *features* to *hw* (rows, columns), corners on corners: N x C x h x w -> N x C x H x W."""
    # Sizes as integers, not a scale factor: no shape arithmetic is left in the exported graph.
    return F.interpolate(features, size=hw, mode="bilinear", align_corners=True)
