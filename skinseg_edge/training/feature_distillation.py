"""Two losses on a network's inner maps, for networks that show them (`skinseg_edge.networks.features.GivesFeatures`).

The CM-SSM paper adds both with weight 0.015; they are those of SelfReg-UNet (Zhu et al., MICCAI 2024), which calls them
semantic consistency regularisation and internal feature distillation. Computed in float32.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_edge.networks.features import FeatureMaps

__all__ = ["cross_feature_loss", "internal_feature_loss"]


def cross_feature_loss(maps: FeatureMaps, generator: torch.Generator) -> Tensor:
    """Return how far the inner maps are from the last one, the mean over `maps.students` of a mean squared error.

    The teacher is taken as it is (no gradient) and averaged down to each student's height and width. As many channels
    as the narrower of the two has are drawn from each, independently and without repetition, anew at every call.

    *generator*: on the CPU, so that a seed draws the same channels on every device.
    """
    teacher = maps.teacher.detach().float()
    errors = []
    for student in maps.students:
        pooled = F.adaptive_avg_pool2d(teacher, (student.shape[2], student.shape[3]))
        channels = min(student.shape[1], pooled.shape[1])
        ours = _drawn(student.float(), channels, generator)
        theirs = _drawn(pooled, channels, generator)
        errors.append(F.mse_loss(ours, theirs))
    return torch.stack(errors).mean()


def internal_feature_loss(maps: FeatureMaps, ordered: bool = False) -> Tensor:
    """Return how far the second half of each map's channels is from the first, the mean over `maps.blocks`.

    *ordered*: sort the channels first by how strongly they answer, strongest first, as SelfReg-UNet's code does; the
    CM-SSM paper splits them as they stand. Both halves get gradients. A middle channel without a partner is left out.
    """
    errors = []
    for block in maps.blocks:
        features = _strongest_first(block.float()) if ordered else block.float()
        half = features.shape[1] // 2
        errors.append(F.mse_loss(features[:, -half:], features[:, :half]))
    return torch.stack(errors).mean()


def _drawn(features: Tensor, channels: int, generator: torch.Generator) -> Tensor:
    drawn = torch.randperm(features.shape[1], generator=generator)[:channels]
    return features[:, drawn.to(features.device)]  # N x channels x H x W


def _strongest_first(features: Tensor) -> Tensor:
    """Sort channels by their mean activation, after each channel of each picture was scaled to length 1."""
    strength = F.normalize(features.detach().flatten(2), dim=2).mean((0, 2))  # N x C x HW -> C
    return features[:, strength.argsort(descending=True)]
