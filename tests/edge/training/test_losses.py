"""Losses against their definitions, written out slowly in float64."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from skinseg_edge.training.losses import LOSSES, focal_loss

# One map: logits and soft targets, N x 1 x H x W. Three classes: logits N x 3 x H x W, class numbers N x H x W.
LOGITS = torch.tensor([[[[0.5, -2.0], [3.0, 0.0]]], [[[-1.0, -1.5], [2.5, 4.0]]]])
TARGETS = torch.tensor([[[[1.0, 0.0], [1.0, 0.5]]], [[[0.0, 0.0], [0.0, 1.0]]]])
CLASS_LOGITS = torch.tensor(
    [[[[0.5, -2.0]], [[3.0, 0.0]], [[-1.0, 1.0]]], [[[-1.0, -1.5]], [[2.5, 4.0]], [[0.0, 0.3]]]]
)
CLASS_TARGETS = torch.tensor([[[0, 2]], [[1, 0]]])


def shares(logits: list[float]) -> list[float]:
    """Softmax of the logits of one pixel; one logit stands against 0."""
    logits = [0.0, *logits] if len(logits) == 1 else logits
    total = sum(math.exp(logit) for logit in logits)
    return [math.exp(logit) / total for logit in logits]


def slow_mean(term: Callable[[float], float], logits: Tensor, targets: Tensor) -> float:
    """Mean over pixels of the target-weighted *term* of the probability of each class."""
    pixels = logits.movedim(1, -1).reshape(-1, logits.shape[1]).tolist()
    total = 0.0
    for pixel, target in zip(pixels, targets.flatten().tolist(), strict=True):
        found = shares(pixel)
        wanted = [1 - target, target] if len(pixel) == 1 else [float(k == target) for k in range(len(pixel))]
        total += sum(weight * term(p) for weight, p in zip(wanted, found, strict=True))
    return total / len(pixels)


def slow_dice(logits: Tensor, targets: Tensor) -> float:
    total, count = 0.0, 0
    for picture, truth in zip(logits, targets, strict=True):
        pixels = [shares(pixel) for pixel in picture.movedim(0, -1).reshape(-1, logits.shape[1]).tolist()]
        wanted = truth.flatten().tolist()
        for k in range(1, len(pixels[0])):
            found = [pixel[k] for pixel in pixels]
            real = wanted if logits.shape[1] == 1 else [float(each == k) for each in wanted]
            overlap = sum(p * g for p, g in zip(found, real, strict=True))
            total += (2 * overlap + 1) / (sum(found) + sum(real) + 1)
            count += 1
    return 1 - total / count


def slow_ce(logits: Tensor, targets: Tensor) -> float:
    return slow_mean(lambda p: -math.log(p), logits, targets)


def slow_focal(logits: Tensor, targets: Tensor) -> float:
    return slow_mean(lambda p: -0.5 * (1 - p) ** 2 * math.log(p), logits, targets)


# What the papers print, weights included.
SLOW: dict[str, Callable[[Tensor, Tensor], float]] = {
    "bce": slow_ce,
    "ce": slow_ce,
    "bce+dice": lambda logits, targets: slow_ce(logits, targets) + slow_dice(logits, targets),
    "0.3bce+0.7dice": lambda logits, targets: 0.3 * slow_ce(logits, targets) + 0.7 * slow_dice(logits, targets),
    "focal": slow_focal,
    "ce+focal": lambda logits, targets: 0.5 * slow_ce(logits, targets) + 0.5 * slow_focal(logits, targets),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_of_one_map_equals_its_definition(name: str) -> None:
    assert LOSSES[name](LOGITS, TARGETS).item() == pytest.approx(SLOW[name](LOGITS, TARGETS), abs=1e-6)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_loss_of_classes_equals_its_definition(name: str) -> None:
    assert LOSSES[name](CLASS_LOGITS, CLASS_TARGETS).item() == pytest.approx(
        SLOW[name](CLASS_LOGITS, CLASS_TARGETS), abs=1e-6
    )


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_one_map_is_the_case_of_two_classes_whose_first_logit_is_0(name: str) -> None:
    hard = (TARGETS > 0.6).long()
    two = torch.cat([torch.zeros_like(LOGITS), LOGITS], 1)
    assert LOSSES[name](two, hard[:, 0]).item() == pytest.approx(LOSSES[name](LOGITS, hard.float()).item(), abs=1e-6)


def test_focal_loss_with_gamma_0_is_alpha_times_cross_entropy() -> None:
    focal = focal_loss(CLASS_LOGITS, CLASS_TARGETS, alpha=0.25, gamma=0.0)
    assert focal.item() == pytest.approx(0.25 * slow_ce(CLASS_LOGITS, CLASS_TARGETS), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("maps", [1, 3])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_and_its_slope_are_finite_for_extreme_logits(name: str, maps: int, dtype: torch.dtype) -> None:
    extremes = torch.tensor([6e4, -6e4, 0.0, 1e-6, 6e4, -6e4])
    logits = torch.stack([extremes.roll(k) for k in range(maps)])[None, :, None]  # 1 x maps x 1 x 6
    logits = logits.to(dtype).requires_grad_()
    wanted = torch.tensor([[[0, 1, 1, 0, 1, 0]]])  # sure and right, sure and wrong, unsure
    loss = LOSSES[name](logits, wanted[:, None].float() if maps == 1 else wanted)
    loss.backward()  # type: ignore[no-untyped-call]  # Tensor.backward has no annotations
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_picture_without_lesion_has_a_small_loss_when_nothing_is_found(name: str) -> None:
    logits = torch.full((1, 1, 8, 8), -12.0)
    assert LOSSES[name](logits, torch.zeros(1, 1, 8, 8)).item() < 1e-3
