"""A teacher's word: the loss against its definition, and which teachers may teach whom."""

import math
from pathlib import Path

import pytest
import torch

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch
from skinseg_edge.networks.checkpoint import load_checkpoint, save_checkpoint
from skinseg_edge.training.distillation import Teacher, distillation_loss
from skinseg_edge.training.feed import normalise

CPU = torch.device("cpu")


def slow_divergence(student: list[float], teacher: list[float]) -> float:
    def shares(logits: list[float]) -> list[float]:
        total = sum(math.exp(each) for each in logits)
        return [math.exp(each) / total for each in logits]

    return sum(t * math.log(t / s) for s, t in zip(shares(student), shares(teacher), strict=True))


def test_the_loss_is_the_mean_divergence_over_pixels() -> None:
    student = torch.tensor([[[[0.5, -2.0]], [[3.0, 0.0]], [[-1.0, 1.0]]]])
    teacher = torch.tensor([[[[1.5, 0.0]], [[2.0, 0.5]], [[0.0, -1.0]]]])
    expected = [slow_divergence([0.5, 3.0, -1.0], [1.5, 2.0, 0.0]), slow_divergence([-2.0, 0.0, 1.0], [0.0, 0.5, -1.0])]
    assert distillation_loss(student, teacher).item() == pytest.approx(sum(expected) / 2, abs=1e-6)


def test_one_map_is_the_class_against_the_rest() -> None:
    student, teacher = torch.tensor([[[[0.5]]]]), torch.tensor([[[[-1.0]]]])
    expected = slow_divergence([0.0, 0.5], [0.0, -1.0])
    assert distillation_loss(student, teacher).item() == pytest.approx(expected, abs=1e-6)
    assert distillation_loss(student, student).item() == 0


@pytest.mark.parametrize("maps", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_extreme_half_precision_logits_give_finite_loss_and_slope(maps: int, dtype: torch.dtype) -> None:
    extremes = torch.tensor([6e4, -6e4, 0.0, 6e4], dtype=dtype)
    student = torch.stack([extremes.roll(k) for k in range(maps)])[None, :, None].requires_grad_()
    teacher = torch.stack([extremes.roll(k + 1) for k in range(maps)])[None, :, None]
    loss = distillation_loss(student, teacher)
    loss.backward()  # type: ignore[no-untyped-call]  # Tensor.backward has no annotations
    assert loss.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def checkpoint(path: Path, classes: tuple[str, ...]) -> Path:
    torch.manual_seed(3)
    network = networks.create("unet", len(classes), base=4)
    contract = ModelContract(input_hw=(32, 32), classes=classes, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    save_checkpoint(path, network.state_dict(), network_name="unet", contract=contract, options={"base": 4})
    return path


def test_a_teacher_sees_the_students_crops_in_its_own_normalisation(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "teacher.safetensors", ("lesion",))
    photos = torch.randint(0, 256, (2, 32, 48, 3), dtype=torch.uint8)
    teacher = Teacher(file, ("lesion",), CPU)
    expected = load_checkpoint(file).network(normalise(photos, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)))
    assert torch.allclose(teacher.logits(photos), expected, atol=1e-6)
    assert teacher.describe()["checkpoint"] == "teacher.safetensors"


def test_a_teacher_of_skin_and_lesion_teaches_a_student_of_lesion(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "teacher.safetensors", ("skin", "lesion"))
    photos = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    both = Teacher(file, ("skin", "lesion"), CPU).logits(photos)
    one = Teacher(file, ("lesion",), CPU).logits(photos)
    assert torch.allclose(one.sigmoid(), both.softmax(1)[:, 1:], atol=1e-6)


def test_a_teacher_of_other_classes_is_refused_by_both_lists(tmp_path: Path) -> None:
    file = checkpoint(tmp_path / "teacher.safetensors", ("skin", "nail", "lesion"))
    with pytest.raises(CheckpointMismatch, match=r"teacher\.safetensors.* skin, nail, lesion, the student lesion;"):
        Teacher(file, ("lesion",), CPU)
