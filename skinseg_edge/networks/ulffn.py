"""ULFFN: a U-shaped network whose decoder units read all finer encoder maps, with ASPP and channel attention.

The paper (skin lesions, ISIC 2016 and 2017) published no code. Its text gives the widths, the order of convolution,
ReLU and normalisation, ASPP, sub-pixel upsampling and the attention. The rest is this project's reading: finer maps are
aligned by max-pooling, decoder widths mirror the encoder's, the stem is no source of the decoder, four halvings meet
four doublings.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.networks.blocks import ASPP, ConvReluNorm, MeanVarianceAttention

_SMALLEST_BASE = 4  # the attention's hidden layer has base / 4 values


class ULFFN(nn.Module):
    """Segment lesions: N x 3 x H x W float32 -> logits N x classes x H x W, H and W multiples of 16.

    *classes* is the number of output maps; the paper has two, background and lesion. *base* is the width of the stem
    and doubles in each of the four encoder units: 64 in the paper (31,365,010 parameters), 32 is a light choice
    (7,847,114). *aspp* False puts one 1 x 1 convolution of the same output width in the place of the pyramid. *cam*
    False leaves the channel attention out. *last_stride* 1 keeps the resolution in the last encoder unit, the other
    reading of the paper's text; H and W are then multiples of 8.

    Raises ValueError if base < 4 or last_stride is neither 1 nor 2.
    """

    def __init__(
        self, classes: int = 1, base: int = 64, aspp: bool = True, cam: bool = True, last_stride: int = 2
    ) -> None:
        super().__init__()
        _check_options(base, last_stride)
        e1, e2, e3, e4 = (base * 2**level for level in range(1, 5))
        self.stem = ConvReluNorm(3, base, 3)
        self.encoders = nn.ModuleList(
            [_Encoder(base, e1, 2), _Encoder(e1, e2, 2), _Encoder(e2, e3, 2), _Encoder(e3, e4, last_stride)]
        )
        self.context = ASPP(e4, e3, branch=4 * base) if aspp else ConvReluNorm(e4, e3, 1)
        # Each reads what comes from below and the encoder maps of its own resolution and of all finer ones.
        self.decoders = nn.ModuleList(
            [
                _Decoder(e3 + e3 + e2 + e1, e3, e2, last_stride),
                _Decoder(e2 + e3 + e2 + e1, e2, e1, 2),
                _Decoder(e1 + e2 + e1, e1, base, 2),
                _Decoder(base + e1, base, base, 2),
            ]
        )
        self.attention = MeanVarianceAttention(base) if cam else nn.Identity()
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of *images*; a sigmoid (one class) or softmax (several) makes them probabilities."""
        features = self.stem(images)
        maps = []  # finest first: H/2, H/4, H/8, and H/16 or H/8 again
        for encode in self.encoders:
            features = encode(features)
            maps.append(features)
        features = self.context(features)
        for decode, sources in zip(self.decoders, (maps[:3], maps[:3], maps[:2], maps[:1]), strict=True):
            features = decode(features, sources)
        return self.head(self.attention(features))  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch


class _Encoder(nn.Module):
    """Two convolutions with their input added, then one that goes down: C x H x W -> 2C x H/stride x W/stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.refine = nn.Sequential(
            ConvReluNorm(in_channels, in_channels, 3), ConvReluNorm(in_channels, in_channels, 3)
        )
        self.down = ConvReluNorm(in_channels, out_channels, 3, stride)

    def forward(self, features: Tensor) -> Tensor:
        return self.down(features + self.refine(features))  # type: ignore[no-any-return]  # as above


class _Decoder(nn.Module):
    """Join the features from below with encoder maps at their resolution, then go up by *scale* (1 or 2)."""

    def __init__(self, in_channels: int, width: int, out_channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.merge = ConvReluNorm(in_channels, width, 3)
        self.spread = nn.Conv2d(width, out_channels * scale**2, 1)

    def forward(self, features: Tensor, sources: Sequence[Tensor]) -> Tensor:
        height = features.shape[2]
        aligned = [_pooled(source, source.shape[2] // height) for source in reversed(sources)]  # coarsest first
        merged = self.spread(self.merge(torch.cat((features, *aligned), 1)))
        return F.relu(F.pixel_shuffle(merged, self.scale) if self.scale > 1 else merged)


def _pooled(features: Tensor, factor: int) -> Tensor:
    return F.max_pool2d(features, factor, factor) if factor > 1 else features


def _check_options(base: int, last_stride: int) -> None:
    if base < _SMALLEST_BASE:
        raise ValueError(f"ulffn takes a base of {_SMALLEST_BASE} channels or more; got {base}")
    if last_stride not in (1, 2):
        raise ValueError(f"ulffn's last_stride is 1 or 2; got {last_stride}")
