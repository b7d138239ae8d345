"""A network of a few layers around one block, in training's spirit: no factor is 1 and no addend 0."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.blocks import SpatialChannelBridge

CHANNELS = 16
CONTRACT = ModelContract(input_hw=(32, 48), mean=(0.7, 0.5, 0.3), std=(0.2, 0.1, 0.4))


class Around(nn.Module):
    """Convolve, run *block* on N x 16 x H x W, convolve: N x 3 x H x W -> N x 1 x H x W."""

    def __init__(self, block: nn.Module, first: nn.Conv2d | None = None) -> None:
        super().__init__()
        self.first = first or nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.block = block
        self.head = nn.Conv2d(CHANNELS, 1, 1)
        shaken(self)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.head(self.block(self.first(images)))
        return F.interpolate(logits, size=images.shape[2:], mode="nearest")


class Bridge(nn.Module):
    """The attention bridge on three sizes, joined again."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = SpatialChannelBridge((CHANNELS,) * 3)

    def forward(self, features: Tensor) -> Tensor:
        skips = [features, F.max_pool2d(features, 2), F.max_pool2d(features, 4)]
        first, *smaller = self.bridge(skips)
        for each in smaller:
            first = first + F.interpolate(each, size=features.shape[2:], mode="nearest")
        return first  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped in torch


def shaken(network: nn.Module) -> nn.Module:
    """Give every factor and addend of *network* another number, the same in each run."""
    generator = torch.Generator().manual_seed(7)
    for parameter in network.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.eval()
