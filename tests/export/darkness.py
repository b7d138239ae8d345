"""Networks that need no training and export in a second: two with masks that mean something, one with a hard gate."""

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract

__all__ = ["CONTRACT", "FACE_CONTRACT", "Darkness", "Gate", "Levels"]

CONTRACT = ModelContract(input_hw=(64, 96), mean=(0.4, 0.5, 0.6), std=(0.25, 0.5, 0.2), threshold=0.4)
FACE_CONTRACT = ModelContract(
    input_hw=(64, 64), classes=("BACKGROUND", "ET", "HHB", "XB", "LF", "RF"), lesion_classes=("HHB",)
)


class Darkness(nn.Module):
    """Blur, compare with the picture's mean: N x 3 x H x W -> logits N x classes x H x W."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.blur = nn.Conv2d(3, 1, 5, padding=2)
        self.head = nn.Conv2d(1, classes, 1)
        with torch.no_grad():
            self.blur.weight.fill_(-1 / 75)
            self.blur.bias.zero_()  # type: ignore[union-attr]  # made with a bias
            self.head.weight.copy_(torch.linspace(4, -4, classes).reshape(-1, 1, 1, 1))
            self.head.bias.fill_(-2)  # type: ignore[union-attr]  # made with a bias

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        blurred = self.blur(images)
        logits: Tensor = self.head(blurred - blurred.mean((2, 3), keepdim=True))
        return logits


class Gate(nn.Module):
    """A hard gate: where the red channel, shifted, is negative, the answer is another."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.shift.weight.copy_(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1))
            self.shift.bias.zero_()  # type: ignore[union-attr]  # made with a bias

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        shifted = self.shift(images)
        return torch.where(shifted >= 0, shifted + 2, -images[:, 1:2] - 2)


class Levels(nn.Module):
    """Name the nearest of as many grey levels, from white to black: N x 3 x H x W -> logits N x classes x H x W."""

    def __init__(self, classes: int = 6) -> None:
        super().__init__()
        level = torch.linspace(1, -1, classes)
        self.head = nn.Conv2d(3, classes, 1)
        with torch.no_grad():
            # -(grey - level)^2 without grey^2, which all classes share; times 20, so that one stands out.
            self.head.weight.copy_((20 * 2 * level / 3).reshape(-1, 1, 1, 1).expand(-1, 3, 1, 1))
            self.head.bias.copy_(-20 * level**2)  # type: ignore[union-attr]  # made with a bias

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.head(images)
        return logits
