"""What a network hands to feature distillation: the maps inside it, in the order of computation."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

__all__ = ["FeatureMaps", "GivesFeatures"]


@dataclass(frozen=True)
class FeatureMaps:
    """The maps of one forward pass, with their gradients; all N x C_i x H_i x W_i.

    *blocks*: the output of every block, for internal distillation. *students*: those of them that learn from
    *teacher*, the last upsampled map, N x C x H x W at the size of the images.
    """

    blocks: tuple[Tensor, ...]
    students: tuple[Tensor, ...]
    teacher: Tensor


@runtime_checkable
class GivesFeatures(Protocol):
    """A network whose forward pass can be watched."""

    def forward_features(self, images: Tensor) -> tuple[Tensor, FeatureMaps]:
        """Return the logits of *images* (N x classes x H x W) and the maps behind them."""
        ...
