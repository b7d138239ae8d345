"""The number that a step makes smaller: the recipe's loss, and what a network's inner maps or a teacher add to it."""

import torch
from torch import Tensor, nn

from skinseg_edge.networks.features import GivesFeatures
from skinseg_edge.training.distillation import Teacher, distillation_loss
from skinseg_edge.training.feature_distillation import cross_feature_loss, internal_feature_loss
from skinseg_edge.training.feed import normalise
from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.recipes import Recipe

__all__ = ["Objective"]


class Objective:
    """The loss of *recipe* for one batch: (1 - w) task + w teacher + feature losses.

    *teacher*: who is asked about every batch; without one w is 0.
    """

    def __init__(self, recipe: Recipe, teacher: Teacher | None = None) -> None:
        self._recipe = recipe
        self._loss = LOSSES[recipe.loss]
        self._teacher = teacher
        self._generator = torch.Generator()
        self._drawn_from = self._generator.get_state()

    def reseed(self, seed: int) -> None:
        """Let the channels that the next batches draw hang on *seed* alone."""
        self._generator.manual_seed(seed)

    def __call__(
        self, network: nn.Module, photos: Tensor, masks: Tensor, *, half: bool = False, again: bool = False
    ) -> Tensor:
        """Run *network* and return the scalar to minimise, float32.

        *photos*: N x H x W x 3 uint8 RGB, *masks*: N x H x W uint8, both on the network's device; a mask is 0 to 255
        for one map, else class numbers. *half*: autocast. *again*: these are more pictures of the batch before, so the
        same channels are drawn for them.
        """
        if again:
            self._generator.set_state(self._drawn_from)
        self._drawn_from = self._generator.get_state()
        images = normalise(photos, self._recipe.mean, self._recipe.std)
        features = torch.zeros((), device=images.device)
        if self._wants_features and isinstance(network, GivesFeatures):
            with torch.autocast(images.device.type, enabled=half):
                logits, maps = network.forward_features(images)
            features = self._recipe.cross_feature_weight * cross_feature_loss(maps, self._generator)
            features = features + self._recipe.internal_feature_weight * internal_feature_loss(maps)
        else:
            with torch.autocast(images.device.type, enabled=half):
                logits = network(images)
        task = self._loss(logits, _targets(masks, logits.shape[1]))
        if self._teacher is None:
            return task + features
        weight = self._recipe.teacher_weight
        taught = distillation_loss(logits, self._teacher.logits(photos, half=half))
        return (1 - weight) * task + weight * taught + features

    @property
    def _wants_features(self) -> bool:
        return self._recipe.cross_feature_weight > 0 or self._recipe.internal_feature_weight > 0


def _targets(masks: Tensor, maps: int) -> Tensor:
    # N x 1 x H x W in [0, 1] for one map, else N x H x W class numbers.
    return masks.float().div_(255).unsqueeze(1) if maps == 1 else masks.long()
