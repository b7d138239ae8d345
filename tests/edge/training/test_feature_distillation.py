"""Losses on inner maps against their definitions, written out slowly."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_edge.networks.features import FeatureMaps
from skinseg_edge.training.feature_distillation import cross_feature_loss, internal_feature_loss


def maps(seed: int = 0) -> FeatureMaps:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(2, 6, 4, 4), (2, 3, 8, 8), (2, 5, 2, 2)]
    blocks = tuple(torch.randn(shape, generator=generator).requires_grad_() for shape in shapes)
    return FeatureMaps(blocks, blocks[:2], torch.randn((2, 4, 16, 16), generator=generator).requires_grad_())


def slow_error(first: Tensor, second: Tensor) -> float:
    differences = (first.detach().double() - second.detach().double()).flatten()
    return float(sum(float(each) ** 2 for each in differences) / len(differences))


def test_cross_feature_loss_compares_as_many_channels_as_the_narrower_has() -> None:
    inner = maps()
    drawn = torch.Generator().manual_seed(7)
    expected = []
    for student, kernel, channels in ((inner.students[0], 4, 4), (inner.students[1], 2, 3)):
        ours = torch.randperm(student.shape[1], generator=drawn)[:channels].tolist()
        theirs = torch.randperm(4, generator=drawn)[:channels].tolist()
        assert len(set(ours)) == len(set(theirs)) == channels
        expected.append(slow_error(student[:, ours], F.avg_pool2d(inner.teacher, kernel)[:, theirs]))
    loss = cross_feature_loss(inner, torch.Generator().manual_seed(7))
    assert loss.item() == pytest.approx(sum(expected) / 2, abs=1e-6)


def test_cross_feature_loss_draws_other_channels_at_every_call_and_the_same_for_a_seed() -> None:
    generator = torch.Generator().manual_seed(1)
    first, second = (cross_feature_loss(maps(), generator).item() for _ in range(2))
    assert first != second
    assert cross_feature_loss(maps(), torch.Generator().manual_seed(1)).item() == first


def test_cross_feature_loss_moves_the_students_and_not_the_teacher() -> None:
    inner = maps()
    cross_feature_loss(inner, torch.Generator()).backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    assert all(student.grad is not None and student.grad.any() for student in inner.students)
    assert inner.teacher.grad is None


def test_internal_feature_loss_draws_the_halves_of_the_channels_together() -> None:
    inner = maps()
    first, second, third = inner.blocks
    expected = [
        slow_error(first[:, 3:], first[:, :3]),
        slow_error(second[:, 2:], second[:, :1]),  # the middle channel has no partner
        slow_error(third[:, 3:], third[:, :2]),
    ]
    loss = internal_feature_loss(inner)
    loss.backward()  # type: ignore[no-untyped-call]  # unannotated in torch
    assert loss.item() == pytest.approx(sum(expected) / 3, abs=1e-6)
    assert first.grad is not None
    assert first.grad[:, :3].any()
    assert first.grad[:, 3:].any()


def test_ordered_channels_are_split_by_the_mean_of_their_unit_length() -> None:
    # Mean of each channel at length 1: 0.5 (level), 0.25 (one peak), -0.5, 0.35 (two peaks).
    channels = [[1.0, 1, 1, 1], [4.0, 0, 0, 0], [-2.0, -2, -2, -2], [3.0, 3, 0, 0]]
    block = torch.tensor(channels).view(1, 4, 2, 2)
    inner = FeatureMaps((block,), (), block)
    assert internal_feature_loss(inner).item() == pytest.approx(slow_error(block[:, [2, 3]], block[:, [0, 1]]))
    ordered = internal_feature_loss(inner, ordered=True)
    assert ordered.item() == pytest.approx(slow_error(block[:, [1, 2]], block[:, [0, 3]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_maps_give_a_finite_loss_in_float32(dtype: torch.dtype) -> None:
    large = torch.full((1, 4, 4, 4), 3e4, dtype=dtype)
    large[:, 2:] = -3e4
    inner = FeatureMaps((large,), (large,), large)
    for loss in (internal_feature_loss(inner), cross_feature_loss(inner, torch.Generator())):
        assert loss.dtype == torch.float32
        assert loss.isfinite()
