"""SCSONet: a lesion network of 159,439 parameters with spatial-channel fusion and omni-dimensional convolutions.

Chen et al., "SCSONet: spatial-channel synergistic optimization net for skin lesion segmentation",
Frontiers in Physics 12, 2024. Where the paper and its published code differ, the code is followed; each place says so.
"""

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.networks.blocks import EMA, ODConv3x3, PConv, ScConv, SpatialChannelBridge, enlarged

WIDTHS = (8, 16, 24, 32, 48, 64)
_NORM_GROUPS = 4

# What can stand between the reconstruction and the convolution of a fusion block; all keep C x H x W and have no bias.
_LOCAL: dict[str, Callable[[int], nn.Module]] = {
    "pconv": PConv,
    "depthwise": lambda channels: nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
    "dilated": lambda channels: nn.Conv2d(channels, channels, 3, padding=2, dilation=2, bias=False),
}


class SCSONet(nn.Module):
    """Segment lesions: N x 3 x H x W float32 -> logits N x classes x H x W; H and W multiples of 32, not both 32.

    *classes* is the number of output maps, 1 for lesion against skin. *widths* are the channels of the six encoder
    units, each from the third a multiple of 8.

    Ablations of the paper; the paper does not say what it puts in an absent module's place, here it is always a plain
    3 x 3 convolution of the same widths. *conv_stem* False takes the omni-dimensional attention out of the second
    encoder unit and of its mirror, the last decoder unit. *fusion* False leaves of each SCF block (encoder units 4-6,
    decoder units 1-3) its convolution alone, without ScConv, local convolution and EMA. *local* is the convolution
    inside the SCF blocks: `pconv` (over half of the channels), `depthwise` 3 x 3, or `dilated` 3 x 3 over all
    channels with rate 2. *kernels* is how many kernels an omni-dimensional convolution mixes: the paper's equation 1
    sums several, its code and its parameter count have one.

    Raises ValueError if len(widths) != 6, a width breaks the rule above, or an option is not among those or would
    have no effect.
    """

    def __init__(
        self,
        classes: int = 1,
        widths: Sequence[int] = WIDTHS,
        conv_stem: bool = True,
        fusion: bool = True,
        local: str = "pconv",
        kernels: int = 1,
    ) -> None:
        super().__init__()
        _check_widths(widths)
        _check_ablation(conv_stem, fusion, local, kernels)
        c1, c2, c3, c4, c5, c6 = widths
        self.encoder1 = nn.Conv2d(3, c1, 3, padding=1)
        self.encoder2 = _stem(c1, c2, kernels, conv_stem)
        self.encoder3 = nn.Conv2d(c2, c3, 3, padding=1)
        self.encoder4 = _encoder_fusion(c3, c4, local, fusion)
        self.encoder5 = _encoder_fusion(c4, c5, local, fusion)
        self.encoder6 = _encoder_fusion(c5, c6, local, fusion)
        self.bridge = SpatialChannelBridge((c1, c2, c3, c4, c5))
        self.decoder1 = _decoder_fusion(c6, c5, local, fusion)
        self.decoder2 = _decoder_fusion(c5, c4, local, fusion)
        self.decoder3 = _decoder_fusion(c4, c3, local, fusion)
        self.decoder4 = nn.Conv2d(c3, c2, 3, padding=1)
        self.decoder5 = _stem(c2, c1, kernels, conv_stem)
        self.encoder_norms = nn.ModuleList(nn.GroupNorm(_NORM_GROUPS, width) for width in (c1, c2, c3, c4, c5))
        self.decoder_norms = nn.ModuleList(nn.GroupNorm(_NORM_GROUPS, width) for width in (c5, c4, c3, c2, c1))
        self.head = nn.Conv2d(c1, classes, 1)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        features = images
        skips = []
        encoders = (self.encoder1, self.encoder2, self.encoder3, self.encoder4, self.encoder5)
        for encode, norm in zip(encoders, self.encoder_norms, strict=True):
            features = F.gelu(F.max_pool2d(norm(encode(features)), 2, 2))  # halves H and W
            skips.append(features)
        t1, t2, t3, t4, t5 = self.bridge(skips)
        n1, n2, n3, n4, n5 = self.decoder_norms
        features = F.gelu(self.encoder6(features))  # the deepest unit reads the skip before the bridge
        features = F.gelu(n1(self.decoder1(features))) + t5
        features = F.gelu(_double(n2(self.decoder2(features)))) + t4
        features = F.gelu(_double(n3(self.decoder3(features)))) + t3
        features = F.gelu(_double(n4(self.decoder4(features)))) + t2
        features = F.gelu(_double(n5(self.decoder5(features)))) + t1
        return _double(self.head(features))


def _stem(in_channels: int, out_channels: int, kernels: int, attended: bool) -> nn.Module:
    return ODConv3x3(in_channels, out_channels, kernels) if attended else _plain(in_channels, out_channels)


def _encoder_fusion(in_channels: int, out_channels: int, local: str, fused: bool) -> nn.Module:
    if not fused:
        return _plain(in_channels, out_channels)
    return nn.Sequential(
        ScConv(in_channels), _LOCAL[local](in_channels), _plain(in_channels, out_channels), EMA(out_channels)
    )


def _decoder_fusion(in_channels: int, out_channels: int, local: str, fused: bool) -> nn.Module:
    if not fused:
        return _plain(in_channels, out_channels)
    return nn.Sequential(
        _plain(in_channels, out_channels), _LOCAL[local](out_channels), ScConv(out_channels), EMA(out_channels)
    )


def _plain(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _double(features: Tensor) -> Tensor:
    return enlarged(features, (2 * features.shape[2], 2 * features.shape[3]))


def _check_widths(widths: Sequence[int]) -> None:
    if len(widths) != len(WIDTHS):
        raise ValueError(f"scsonet takes {len(WIDTHS)} widths, one an encoder unit; got {len(widths)}: {tuple(widths)}")
    wrong = [width for width in widths[2:] if width % 8] + [width for width in widths[:2] if width % _NORM_GROUPS]
    if wrong:
        raise ValueError(
            f"scsonet widths must be multiples of {_NORM_GROUPS}, from the third on of 8; got {tuple(widths)}"
        )


def _check_ablation(conv_stem: bool, fusion: bool, local: str, kernels: int) -> None:
    if local not in _LOCAL:
        raise ValueError(f"scsonet's local convolution is {' or '.join(_LOCAL)}; got {local!r}")
    if kernels < 1:
        raise ValueError(f"scsonet's omni-dimensional convolutions have 1 kernel or more; got {kernels}")
    if not fusion and local != "pconv":
        raise ValueError(f"scsonet without fusion blocks has no place for a {local} convolution; leave local out")
    if not conv_stem and kernels > 1:
        raise ValueError(f"scsonet without its stem has no use for {kernels} kernels; leave kernels out")


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels / module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
