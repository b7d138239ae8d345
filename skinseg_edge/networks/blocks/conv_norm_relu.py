"""Convolution, batch normalisation, then ReLU: the brick that most convolutional networks are laid with."""

from torch import nn


class ConvNormRelu(nn.Sequential):
    """Convolve, normalise, cut off below zero: N x in_channels x H x W -> N x out_channels x H/stride x W/stride.

    *kernel*: odd side, padded so that stride 1 keeps H and W. *dilation*: distance of its taps, px. *groups*: parts of
    the channels that do not mix. *bias*: of the convolution, which the normalisation makes redundant. *activation*:
    ReLU or a relative of it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        dilation: int = 1,
        *,
        groups: int = 1,
        bias: bool = False,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias),
            nn.BatchNorm2d(out_channels),
            activation(),
        )
