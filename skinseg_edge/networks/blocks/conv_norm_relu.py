"""The brick that most convolutional networks are laid with."""

from torch import nn


def conv_norm_relu(in_channels: int, out_channels: int, kernel: int = 1) -> nn.Sequential:
    """Convolve without bias, normalise by the batch, rectify: N x in_channels x H x W -> N x out_channels x H x W.

    *kernel*: odd side of the kernel, px; the padding keeps H and W.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
