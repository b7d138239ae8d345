"""A network with one layer that INT8 destroys.

Three of its convolutions can be quantized. The middle one also reads a channel that holds 4000 everywhere and weighs it
with almost nothing: in fp32 it does no harm, but the one scale of all its 8-bit inputs becomes 31, and what is smaller
than 16 is rounded away, the lesion included.
"""

import torch
from torch import Tensor, nn

__all__ = ["CHANNELS", "LAYERS", "Planted"]

LAYERS = ("before", "loud", "after")
CHANNELS = 8


class Planted(nn.Module):
    """Darkness against the picture's mean, carried through three convolutions, one of which has a loud neighbour.

    *loudness*: what that neighbour holds.
    """

    def __init__(self, classes: int = 1, loudness: float = 4000.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.loudness = loudness
        self.stem = nn.Conv2d(3, CHANNELS, 5, padding=2)
        self.before = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.loud = nn.Conv2d(CHANNELS + 1, CHANNELS, 3, padding=1)
        self.after = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.head = nn.Conv2d(CHANNELS, classes, 1)
        with torch.no_grad():
            # Every channel its own loudness, so that the rounding of one is not that of all.
            self.stem.weight.copy_((torch.linspace(-0.5, -1.5, CHANNELS) / 75).reshape(-1, 1, 1, 1))
            for convolution in (self.before, self.loud, self.after):
                nn.init.dirac_(convolution.weight)
                convolution.weight.add_(0.01 * torch.randn_like(convolution.weight))
            self.loud.weight[:, -1].fill_(1e-9)
            self.head.weight.fill_(4 / CHANNELS)
            for parameter in (each.bias for each in self.children() if isinstance(each, nn.Conv2d)):
                assert parameter is not None
                parameter.zero_()
            self.head.bias.fill_(-2)  # type: ignore[union-attr]  # made with a bias

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, N x 1 x H x W."""
        dark = self.stem(images)
        features = torch.relu(self.before(dark - dark.mean((2, 3), keepdim=True)))
        loud = torch.full_like(features[:, :1], self.loudness)
        logits: Tensor = self.head(torch.relu(self.after(torch.relu(self.loud(torch.cat((features, loud), 1))))))
        return logits
