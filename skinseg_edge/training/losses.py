"""What a network is trained to make small. Logits in, a scalar out, always computed in float32.

Every loss takes both kinds of network. *One map*: logits N x 1 x H x W, targets N x 1 x H x W in [0, 1], soft edges
allowed; p = sigmoid(logit). *K classes*: logits N x K x H x W, targets N x H x W int64 class indices; p = softmax.
Binary cross-entropy is the cross-entropy of one map, so `bce` and `ce` are one function; each recipe uses its paper's
word.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "LOSSES",
    "Loss",
    "bce_dice_loss",
    "ce_focal_loss",
    "cross_entropy",
    "focal_loss",
    "soft_dice_loss",
]

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_SMOOTHING = 1.0  # the reference's; keeps the ratio defined for a picture without lesion


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return -log p of the true class, averaged over all pixels; for one map the binary cross-entropy."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits.float(), targets.float())
    return F.cross_entropy(logits.float(), targets)


def soft_dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 minus the soft Dice coefficient, computed a picture and averaged over the batch.

    Dice = (2 sum(p g) + 1) / (sum(p) + sum(g) + 1) with p not thresholded (SCSONet, section 3.2, and its code). With K
    classes it is averaged over all but the first, the background.
    """
    if logits.shape[1] == 1:
        probability, truth = logits.float().sigmoid(), targets.float()
    else:
        probability = logits.float().softmax(1)[:, 1:]  # N x K-1 x H x W
        truth = F.one_hot(targets, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].float()  # N x K-1 x H x W
    probability, truth = probability.flatten(2), truth.flatten(2)  # N x maps x HW
    overlap = (probability * truth).sum(2)
    dice = (2 * overlap + _SMOOTHING) / (probability.sum(2) + truth.sum(2) + _SMOOTHING)
    return 1 - dice.mean()


def bce_dice_loss(logits: Tensor, targets: Tensor, bce: float = 1.0, dice: float = 1.0) -> Tensor:
    """Return *bce* times cross-entropy plus *dice* times soft Dice loss (SCSONet, equation 13: weights 1 and 1)."""
    return bce * cross_entropy(logits, targets) + dice * soft_dice_loss(logits, targets)


def focal_loss(logits: Tensor, targets: Tensor, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Return -alpha (1 - p)^gamma log p of the true class, averaged over all pixels (HHBSNet, equation 17).

    HHBSNet prints neither number; 0.5 and 2 are those of the public DeepLabV3+ code whose recipe it shares. A soft
    target of one map weighs the terms of both of its classes. *gamma* is 0, or 1 and larger: between them the slope
    at p = 1 has no bound.
    """
    if logits.shape[1] > 1:
        log_p = F.log_softmax(logits.float(), 1).gather(1, targets.unsqueeze(1))  # N x 1 x H x W
        return alpha * _unsure(log_p, gamma).mean()
    found, truth = logits.float(), targets.float()
    lesion, skin = _unsure(F.logsigmoid(found), gamma), _unsure(F.logsigmoid(-found), gamma)
    return alpha * (truth * lesion + (1 - truth) * skin).mean()


def _unsure(log_p: Tensor, gamma: float) -> Tensor:
    # 1 - p as -expm1(log p), which does not cancel where p is nearly 1.
    return -((-torch.expm1(log_p)) ** gamma) * log_p


def ce_focal_loss(logits: Tensor, targets: Tensor, ce: float = 0.5) -> Tensor:
    """Return ce * cross-entropy + (1 - ce) * focal loss (HHBSNet, equation 18, which leaves the weight open)."""
    return ce * cross_entropy(logits, targets) + (1 - ce) * focal_loss(logits, targets)


def _vm_unet_loss(logits: Tensor, targets: Tensor) -> Tensor:
    # The CM-SSM paper's task loss, section 3.5.
    return bce_dice_loss(logits, targets, 0.3, 0.7)


LOSSES: dict[str, Loss] = {
    "bce": cross_entropy,
    "bce+dice": bce_dice_loss,
    "0.3bce+0.7dice": _vm_unet_loss,
    "ce": cross_entropy,
    "focal": focal_loss,
    "ce+focal": ce_focal_loss,
}
