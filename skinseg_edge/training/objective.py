"""The number that a step makes smaller: the recipe's loss, and what a network's inner maps or a teacher add to it."""

import torch
from torch import Tensor, nn

from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.recipes import Recipe

__all__ = ["Objective", "targets_of"]


class Objective:
    """The loss of a recipe for one batch."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._loss = LOSSES[recipe.loss]

    def __call__(self, network: nn.Module, images: Tensor, targets: Tensor, *, half: bool) -> Tensor:
        """Run *network* on *images* (N x 3 x H x W) and return the scalar to minimise, float32."""
        with torch.autocast(images.device.type, enabled=half):
            logits = network(images)
        return self._loss(logits, targets)


def targets_of(masks: Tensor, maps: int) -> Tensor:
    """Turn masks (N x H x W uint8) into what losses take: for one *map* 0..255 is a share, else class numbers."""
    return masks.float().div_(255).unsqueeze(1) if maps == 1 else masks.long()
