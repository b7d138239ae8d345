"""A network with weights enough to compress, without training: masks that follow the picture's darkness."""

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract

__all__ = ["CONTRACT", "Convolutions"]

CONTRACT = ModelContract(input_hw=(64, 96), mean=(0.4, 0.5, 0.6), std=(0.25, 0.5, 0.2))


class Convolutions(nn.Module):
    """Down, along, up: N x 3 x H x W -> logits N x classes x H x W, H and W even.

    `along` may compute in 8 bits; the others read the photo, go up, or are the head.
    """

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.down = nn.Conv2d(3, 16, 2, stride=2)
        self.along = nn.Conv2d(16, 24, 3, padding=1)
        self.norm = nn.BatchNorm2d(24)
        self.up = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.head = nn.Conv2d(12, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        features = torch.relu(self.norm(self.along(torch.relu(self.down(images)))))
        logits: Tensor = self.head(torch.relu(self.up(features)))
        return 8 * logits - images.mean(1, keepdim=True)
