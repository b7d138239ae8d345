"""U-Net with batch normalisation: two 3 x 3 convolutions a level, four levels.

Ronneberger, Fischer, Brox, "U-Net", MICCAI 2015; padded convolutions and batch normalisation as in the code behind
the HAM10000 paper. Base 64 gives 31,037,633 parameters, base 32 with convolution biases 7,765,985.
"""

import torch
from torch import Tensor, nn

from skinseg_edge.networks.blocks import ConvNormRelu

_LEVELS = 4


class UNet(nn.Module):
    """Segment lesions: N x 3 x H x W float32 -> logits N x classes x H x W, H and W multiples of 16.

    *base* is the width of the first level and doubles at each of the four below. *convolution_bias* adds the biases
    that batch normalisation makes redundant; the published counts for base 32 include them.
    """

    def __init__(self, classes: int = 1, base: int = 64, convolution_bias: bool = False) -> None:
        super().__init__()
        if base < 1:
            raise ValueError(f"unet takes a base of 1 channel or more; got {base}")
        widths = [base * 2**level for level in range(_LEVELS)]
        self.down = nn.ModuleList(
            _double_convolution(before, after, convolution_bias)
            for before, after in zip([3, *widths[:-1]], widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2, 2)
        self.bottleneck = _double_convolution(widths[-1], 2 * widths[-1], convolution_bias)
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, 2) for width in reversed(widths))
        self.merge = nn.ModuleList(
            _double_convolution(2 * width, width, convolution_bias) for width in reversed(widths)
        )
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        features = images
        skips = []
        for convolve in self.down:
            skips.append(convolve(features))
            features = self.pool(skips[-1])
        features = self.bottleneck(features)
        for upsample, merge, skip in zip(self.up, self.merge, reversed(skips), strict=True):
            features = merge(torch.cat((skip, upsample(features)), 1))  # skip first, as in the reference
        return self.head(features)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch


def _double_convolution(in_channels: int, out_channels: int, bias: bool) -> nn.Sequential:
    first = ConvNormRelu(in_channels, out_channels, 3, bias=bias)
    return nn.Sequential(*first, *ConvNormRelu(out_channels, out_channels, 3, bias=bias))
