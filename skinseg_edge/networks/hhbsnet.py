"""HHBSNet: MobileNetV2, dilated context and attended detail, for the six regions of a face with melasma.

"HHBSNet: A Global Channel-Spatial Attention and Multi-Scale Dilated Convolution Network for Automatic Melasma
Segmentation", Frontiers in Physiology 16, 2025. No code is published; the frame around the paper's modules is that of
DeepLabV3+ (Chen et al., ECCV 2018). What the paper leaves open: output stride 16, Infusion width 64, and the branch of
middle features, which its text names and its equations do not. With six classes 4,450,585 parameters; decoder=128 is a
light variant of 3,527,705.
"""

import torch
from torch import Tensor, nn

from skinseg_edge.networks.blocks import GCSA, ConvNormRelu, MobileNetV2, MultiscaleFusion, enlarged
from skinseg_edge.networks.blocks.gcsa import GROUPS
from skinseg_edge.networks.blocks.mobilenetv2 import OUTPUT_STRIDES

_CONTEXT = 256  # channels of the multiscale context
_MIDDLE = 48  # channels of each middle feature
_RATES = (6, 12, 18)  # at output stride 16


class HHBSNet(nn.Module):
    """Segment lesions: N x 3 x H x W float32 -> logits N x classes x H x W, H and W multiples of *output_stride*.

    *decoder* is the width of the two 3 x 3 convolutions at a quarter of the size, *infusion* that of the fine features.

    Each switch removes one of the paper's parts; all off leaves the frame that its ablation starts from, a DeepLabV3+
    without its pyramid:

    - *mcf*: the multiscale fusion; off leaves a 1 x 1 convolution of the last features to the same 256 channels.
    - *global_feature*: the branch of the multiscale fusion that sees the whole map. Without *mcf* there is none.
    - *infuse*: the last features that are added to the first ones; off leaves a 1 x 1 convolution of the first.
    - *gcsa*: the attention on the fine features; off leaves them as they are.
    - *mid_level*: the features at 1/8 and 1/16; off leaves the first and the last.

    Raises ValueError if output_stride is not 8, 16 or 32, a width is below 1, or infusion is no multiple of 4.
    """

    def __init__(
        self,
        classes: int = 1,
        *,
        decoder: int = 256,
        infusion: int = 64,
        gcsa: bool = True,
        mcf: bool = True,
        infuse: bool = True,
        global_feature: bool = True,
        mid_level: bool = True,
        output_stride: int = 16,
    ) -> None:
        super().__init__()
        _check_options(decoder, infusion, output_stride)
        first, second, third, last = MobileNetV2.WIDTHS
        self.backbone = MobileNetV2(output_stride)
        rates = [rate * 16 // output_stride for rate in _RATES]  # the same distance on the photo
        self.context = MultiscaleFusion(last, _CONTEXT, rates, global_feature) if mcf else ConvNormRelu(last, _CONTEXT)
        self.detail = _Infusion(first, last if infuse else 0, infusion)
        self.attention = GCSA(infusion) if gcsa else nn.Identity()
        self.middle = nn.ModuleList(ConvNormRelu(width, _MIDDLE) for width in (third, second) if mid_level)
        self.decoder = nn.Sequential(
            *ConvNormRelu(_CONTEXT + infusion + _MIDDLE * len(self.middle), decoder, 3),
            nn.Dropout(0.5),
            *ConvNormRelu(decoder, decoder, 3),
            nn.Dropout(0.1),
        )
        self.head = nn.Conv2d(decoder, classes, 1)
        self.apply(_initialise)
        # Few outputs come of many channels: by its fan-out, the first logits would be in the dozens.
        nn.init.normal_(self.head.weight, std=decoder**-0.5)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        first, second, third, last = self.backbone(images)
        size = (first.shape[2], first.shape[3])
        parts = [
            enlarged(self.context(last), size),
            self.attention(self.detail(first, last)),
            *(enlarged(reduce(each), size) for reduce, each in zip(self.middle, (third, second), strict=False)),
        ]
        return enlarged(self.head(self.decoder(torch.cat(parts, 1))), (images.shape[2], images.shape[3]))


class _Infusion(nn.Module):
    """Mix the first features with the last: N x first x H x W and N x last x h x w -> N x width x H x W.

    The paper enlarges the last features, concatenates and convolves 1 x 1. A 1 x 1 convolution commutes with
    enlarging, so here each part has its half of the convolution, and what is enlarged has *width* channels.
    """

    def __init__(self, first: int, last: int, width: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(first, width, 1, bias=False)
        self.coarse = nn.Conv2d(last, width, 1, bias=False) if last else None
        self.norm = nn.BatchNorm2d(width)

    def forward(self, first: Tensor, last: Tensor) -> Tensor:
        """Return the mixed features at the size of *first*."""
        mixed = self.fine(first)
        if self.coarse is not None:
            mixed = mixed + enlarged(self.coarse(last), (first.shape[2], first.shape[3]))
        return torch.relu(self.norm(mixed))


def _check_options(decoder: int, infusion: int, output_stride: int) -> None:
    if output_stride not in OUTPUT_STRIDES:
        known = ", ".join(str(stride) for stride in OUTPUT_STRIDES)
        raise ValueError(f"hhbsnet has output strides {known}; got {output_stride}")
    if decoder < 1:
        raise ValueError(f"hhbsnet's decoder must be 1 or more channels wide; got {decoder}")
    if infusion < GROUPS or infusion % GROUPS:
        raise ValueError(f"hhbsnet's infusion must be a multiple of {GROUPS} channels wide; got {infusion}")


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
