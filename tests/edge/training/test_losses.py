"""Losses against their definitions, written out slowly."""

import math

import pytest
import torch

from skinseg_edge.training.losses import LOSSES, bce_dice_loss, bce_loss, soft_dice_loss

LOGITS = torch.tensor([[[[0.5, -2.0], [3.0, 0.0]]], [[[-1.0, -1.5], [2.5, 4.0]]]])
TARGETS = torch.tensor([[[[1.0, 0.0], [1.0, 0.5]]], [[[0.0, 0.0], [0.0, 1.0]]]])


def slow_bce() -> float:
    total = 0.0
    for logit, target in zip(LOGITS.flatten().tolist(), TARGETS.flatten().tolist(), strict=True):
        probability = 1 / (1 + math.exp(-logit))
        total -= target * math.log(probability) + (1 - target) * math.log(1 - probability)
    return total / LOGITS.numel()


def slow_dice() -> float:
    total = 0.0
    for picture, truth in zip(LOGITS, TARGETS, strict=True):
        probabilities = [1 / (1 + math.exp(-logit)) for logit in picture.flatten().tolist()]
        targets = truth.flatten().tolist()
        overlap = sum(p * g for p, g in zip(probabilities, targets, strict=True))
        total += (2 * overlap + 1) / (sum(probabilities) + sum(targets) + 1)
    return 1 - total / len(LOGITS)


def test_bce_is_the_mean_over_all_pixels() -> None:
    assert bce_loss(LOGITS, TARGETS).item() == pytest.approx(slow_bce(), abs=1e-6)


def test_dice_is_computed_a_picture_and_averaged() -> None:
    assert soft_dice_loss(LOGITS, TARGETS).item() == pytest.approx(slow_dice(), abs=1e-6)


def test_bce_dice_adds_both_with_weight_one() -> None:
    assert bce_dice_loss(LOGITS, TARGETS).item() == pytest.approx(slow_bce() + slow_dice(), abs=1e-6)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_is_finite_for_extreme_half_precision_logits(name: str) -> None:
    logits = torch.tensor([[[[6e4, -6e4], [0.0, 1e-6]]]], dtype=torch.float16, requires_grad=True)
    loss = LOSSES[name](logits, torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]))
    loss.backward()  # type: ignore[no-untyped-call]  # Tensor.backward has no annotations
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_picture_without_lesion_has_a_small_loss_when_nothing_is_found(name: str) -> None:
    logits = torch.full((1, 1, 8, 8), -12.0)
    assert LOSSES[name](logits, torch.zeros(1, 1, 8, 8)).item() < 1e-3
