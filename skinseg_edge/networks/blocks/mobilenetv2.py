"""MobileNetV2 as the encoder of a segmentation network, without its head of 1280 channels.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2. The weights have the names
of torchvision's implementation, so that its ImageNet weights fit as they are.
"""

from torch import Tensor, nn

from skinseg_edge.networks.blocks.conv_norm_relu import ConvNormRelu

# Expansion, channels, blocks, stride of the first block: one line of the paper's table a stage.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM = 32
_TAPS = (3, 6, 13, 17)  # the last layer before the resolution halves, twice; the last of stage 5; the last of all

OUTPUT_STRIDES = (8, 16, 32)


class MobileNetV2(nn.Module):
    """Encode N x 3 x H x W into the maps of layers 3, 6, 13 and 17: 24, 32, 96 and 320 channels.

    *output_stride* is how much smaller the last map is. Below 32 the last stages keep their resolution: they step by
    one, and the 3 x 3 convolutions behind such a step are dilated to see as far as before. No weight depends on it.
    """

    WIDTHS = (24, 32, 96, 320)

    def __init__(self, output_stride: int = 16) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormRelu(3, _STEM, 3, 2, activation=nn.ReLU6)]
        width, reached, dilation = _STEM, 2, 1
        for expansion, channels, blocks, first_stride in _STAGES:
            for index in range(blocks):
                stride = first_stride if index == 0 else 1
                kept = stride == 2 and reached == output_stride  # the step that is not taken
                layers.append(_InvertedResidual(width, channels, 1 if kept else stride, expansion, dilation))
                dilation *= 2 if kept else 1
                reached *= 1 if kept else stride
                width = channels
        self.features = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the four maps, finest first: at 1/4, 1/8, 1/16 (or the output stride) and the output stride."""
        maps = []
        features = images
        for index, layer in enumerate(self.features):
            features = layer(features)
            if index in _TAPS:
                maps.append(features)
        first, second, third, last = maps
        return first, second, third, last


class _InvertedResidual(nn.Module):
    """Widen by 1 x 1, convolve each channel 3 x 3, narrow by 1 x 1 without activation; add the input if it fits."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int, dilation: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        widen = [ConvNormRelu(in_channels, hidden, activation=nn.ReLU6)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widen,
            ConvNormRelu(hidden, hidden, 3, stride, dilation, groups=hidden, activation=nn.ReLU6),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        """Return N x out_channels x H/stride x W/stride."""
        narrowed: Tensor = self.conv(features)
        return features + narrowed if self.adds_input else narrowed
