"""What a network is trained to make small. Logits in, a scalar out, always computed in float32."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional as F

__all__ = ["LOSSES", "Loss", "bce_dice_loss", "bce_loss", "soft_dice_loss"]

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_SMOOTHING = 1.0  # the reference's; keeps the ratio defined for a picture without lesion


def bce_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of *logits* against *targets* (both N x 1 x H x W, targets in [0, 1])."""
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float())


def soft_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 minus the soft Dice coefficient, computed a picture and averaged over the batch.

    *logits*, *targets*: N x 1 x H x W, targets in [0, 1]. Dice = (2 sum(p g) + 1) / (sum(p) + sum(g) + 1) with
    p = sigmoid(logits), not thresholded (SCSONet, section 3.2, and its code).
    """
    probability = logits.float().sigmoid().flatten(1)  # N x HW
    truth = targets.float().flatten(1)  # N x HW
    overlap = (probability * truth).sum(1)
    dice = (2 * overlap + _SMOOTHING) / (probability.sum(1) + truth.sum(1) + _SMOOTHING)
    return 1 - dice.mean()


def bce_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return binary cross-entropy plus soft Dice loss, weights 1 and 1 (SCSONet, equation 13)."""
    return bce_loss(logits, targets) + soft_dice_loss(logits, targets)


LOSSES: dict[str, Loss] = {"bce": bce_loss, "bce+dice": bce_dice_loss}
