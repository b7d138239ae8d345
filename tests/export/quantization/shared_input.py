"""A network whose values have several readers: what a quantizer that turns all of them gets wrong."""

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract

__all__ = ["CONTRACT", "LAYERS", "SharedInput"]

CONTRACT = ModelContract(input_hw=(32, 32))
LAYERS = ("wide", "narrow.0")


class SharedInput(nn.Module):
    """Two convolutions, one of 8 channels, over a value that an addition reads as well."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.wide = nn.Conv2d(8, 32, 3, padding=1)
        self.narrow = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(32, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map N x 3 x H x W to logits N x 1 x H x W."""
        features = torch.relu(self.stem(images))
        features = features + self.narrow(features)
        wide = torch.relu(self.wide(features))
        logits: Tensor = self.head(wide) + features.mean(1, keepdim=True)
        return logits
