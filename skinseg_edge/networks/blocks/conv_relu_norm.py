"""Convolution, ReLU, then batch normalisation: the order that ULFFN's text gives. Most networks normalise first."""

from torch import nn


class ConvReluNorm(nn.Sequential):
    """Convolve, cut off below zero, normalise: N x in_channels x H x W -> N x out_channels x H/stride x W/stride.

    *kernel*: odd side, padded so that stride 1 keeps H and W. *dilation*: distance of its taps, px. The convolution
    has a bias: behind a ReLU the normalisation cannot stand in for it.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation),
            nn.ReLU(),
            nn.BatchNorm2d(out_channels),
        )
