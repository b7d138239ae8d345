"""Training of several classes: it learns, it resumes after a kill to the same weights, with dropout and a teacher."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from skinseg_edge import load_checkpoint
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.errors import DatasetUnusable, InputError
from skinseg_edge.networks.user_networks import import_user_networks
from skinseg_edge.training.augmentation import PAPER, PHONE, PHONE_AND_RING, AugmentationPolicy
from skinseg_edge.training.cli import main
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.objective import Objective
from skinseg_edge.training.recipes import Recipe, Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob
from skinseg_export.evaluation import evaluate
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter
from tests.edge.training.cutting import resumed_after_each_epoch

REPOSITORY = Path(__file__).parents[3]
CLASSES = ("skin", "dark", "light")
# From Python 3.12 on, forking beside other threads warns; OpenCV's and torch's stand still meanwhile.
FORKED = "ignore:.*use of fork:DeprecationWarning"

# With dropout, so that a resumed run must draw what the unbroken one drew; and with maps to distil.
TINY = """
from torch import nn
from torch.nn import functional as F
from skinseg_edge.networks import register
from skinseg_edge.networks.features import FeatureMaps

class Tiny(nn.Module):
    def __init__(self, classes=1, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=2, padding=2), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout2d(0.1),
            nn.Conv2d(width, width, 5, padding=2), nn.ReLU(),
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images):
        return self.forward_features(images)[0]

    def forward_features(self, images):
        inner = self.body(images)
        logits = F.interpolate(self.head(inner), scale_factor=2, mode="bilinear")
        return logits, FeatureMaps((inner,), (inner,), logits)

register("tiny-dropout", Tiny)
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write and import a network with dropout, `tiny-dropout`."""
    file = tmp_path_factory.mktemp("tiny") / "tiny.py"
    file.write_text(TINY)
    import_user_networks(str(file))
    return file


@pytest.fixture(scope="session")
def spots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 24 pictures with a dark and a light disc, class numbers in PNGs, names in classes.txt."""
    root = tmp_path_factory.mktemp("spots")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    rng = np.random.default_rng(6)
    for i in range(24):
        labels = np.zeros((40, 48), np.uint8)
        cv2.circle(labels, (int(rng.integers(10, 18)), int(rng.integers(12, 28))), int(rng.integers(6, 10)), 1, -1)
        cv2.circle(labels, (int(rng.integers(32, 38)), int(rng.integers(12, 28))), int(rng.integers(6, 10)), 2, -1)
        photo = np.array([150, 40, 240])[labels][..., None] + rng.normal(0, 6, (40, 48, 3))
        cv2.imwrite(str(root / "images" / f"spot{i:02}.png"), np.clip(photo, 0, 255).astype(np.uint8))
        cv2.imwrite(str(root / "masks" / f"spot{i:02}.png"), labels)
    names = [f"spot{i:02}" for i in range(24)]
    (root / "train.txt").write_text("\n".join(names[:18]))
    (root / "validation.txt").write_text("\n".join(names[18:]))
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root


@pytest.fixture
def short() -> Recipe:
    return replace(
        recipe("hhbsnet", "paper"),
        stages=(Stage(32, 2, PHONE), Stage(48, 2, PHONE_AND_RING)),
        batch=6,
        cross_feature_weight=0.015,
        internal_feature_weight=0.015,
        teacher_weight=0.5,
    )


def job(spots: Path, short: Recipe, **more: object) -> TrainingJob:
    train, validation = chosen_pairs(spots)
    settings: dict[str, object] = {"classes": CLASSES, "workers": 0, **more}
    return TrainingJob(network="tiny-dropout", recipe=short, train=train, validation=validation, **settings)  # type: ignore[arg-type]


@pytest.mark.usefixtures("tiny")
def test_three_classes_are_learnt_and_the_best_epoch_is_that_of_mean_iou(
    spots: Path, short: Recipe, tmp_path: Path
) -> None:
    longer = replace(short, stages=(Stage(32, 25, PAPER),), optimizer="adam", learning_rate=0.01, schedule="constant")
    trainer = Trainer(job(spots, longer), RunFolder(tmp_path / "run"))
    best = trainer.fit()
    assert best.mean_iou > 0.75
    assert best.dice > 0.75
    assert best.mean_iou == max(record.mean_iou for record in trainer.records)
    checkpoint = load_checkpoint(tmp_path / "run" / "best.safetensors")
    assert checkpoint.contract.classes == CLASSES
    assert checkpoint.contract.resize == "letterbox"
    assert checkpoint.training["classes"] == list(CLASSES)
    # Dark and light are lesion, and what took one for the other is right: as skinseg-eval counts.
    with Segmenter(checkpoint.contract, TorchEngine(checkpoint.network, checkpoint.contract)) as segmenter:
        evaluation = evaluate(segmenter, trainer.job.validation)
    assert evaluation.network.dice == pytest.approx(best.dice, abs=1e-3)
    assert abs(evaluation.confusion.one_vs_rest(1).dice - best.dice) > 2e-3


@pytest.mark.usefixtures("tiny")
@pytest.mark.filterwarnings(FORKED)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_with_dropout_features_and_teacher_resumes_to_the_same_weights(
    spots: Path, short: Recipe, tmp_path: Path, workers: int
) -> None:
    Trainer(job(spots, replace(short, stages=(Stage(32, 1, PHONE),))), RunFolder(tmp_path / "teacher")).fit()
    teacher = tmp_path / "teacher" / "best.safetensors"
    taught = job(spots, short, teacher=teacher, options={"width": 8}, workers=workers)
    whole = Trainer(taught, RunFolder(tmp_path / "whole"))
    whole.fit()

    resumed = resumed_after_each_epoch(taught, RunFolder(tmp_path / "cut"))
    assert [record.loss for record in resumed.records] == [record.loss for record in whole.records]
    check_same_weights(tmp_path / "whole", tmp_path / "cut")
    run = json.loads((tmp_path / "whole" / "run.json").read_text())
    assert run["teacher"]["checkpoint"] == "best.safetensors"


def check_same_weights(first: Path, second: Path) -> None:
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (first, second)]
    for part in ("network", "average"):
        for name, weight in states[0][part].items():
            assert torch.equal(weight, states[1][part][name]), f"{part} {name}"
    best = [load_checkpoint(folder / "best.safetensors").network.state_dict() for folder in (first, second)]
    assert all(torch.equal(weight, best[1][name]) for name, weight in best[0].items())


@pytest.mark.slow  # starts the command in a process of its own
@pytest.mark.filterwarnings(FORKED)
@pytest.mark.parametrize("seconds", [0.15])
def test_a_run_killed_at_some_moment_reaches_the_weights_of_an_unbroken_one(
    spots: Path, tiny: Path, tmp_path: Path, seconds: float
) -> None:
    arguments = ["--network", "tiny-dropout", "--import", str(tiny), "--data", str(spots), "--epochs", "5"]
    arguments += ["--option", "width=8"]
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-m", "skinseg_edge.training", *arguments, "-o", str(killed)],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (killed / "state.pt").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for folder in (killed, tmp_path / "whole"):
        outcome = CliRunner().invoke(main, [*arguments, "-o", str(folder), "--json"])
        assert outcome.exit_code == 0, outcome.stderr
    check_same_weights(killed, tmp_path / "whole")


@pytest.mark.usefixtures("tiny")
class TestCommand:
    def run(self, spots: Path, folder: Path, *more: str) -> tuple[int, dict[str, object]]:
        arguments = ["--network", "tiny-dropout", "--data", str(spots), "-o", str(folder), "--workers", "0", "--json"]
        outcome = CliRunner().invoke(main, [*arguments, "--epochs", "1", *more])
        return outcome.exit_code, json.loads(outcome.stdout)

    def test_classes_come_from_the_folder_and_options_from_the_command_line(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--option", "width=5")
        assert code == 0
        assert "mean_iou" in document
        checkpoint = load_checkpoint(str(document["checkpoint"]))
        assert checkpoint.contract.classes == CLASSES
        assert checkpoint.options == {"width": 5}

    def test_the_lesion_classes_are_named_on_the_command_line(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--lesion-classes", CLASSES[2])
        assert code == 0
        assert load_checkpoint(str(document["checkpoint"])).contract.lesion_indices == (2,)
        code, document = self.run(spots, tmp_path / "other", "--lesion-classes", "nevus")
        assert code == 2
        assert "nevus" in str(document["error"])

    def test_classes_on_the_command_line_win(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--classes", "skin,dark,light,hair")
        assert code == 0
        contract = load_checkpoint(str(document["checkpoint"])).contract
        assert contract.classes == ("skin", "dark", "light", "hair")

    def test_no_class_on_the_command_line_is_refused(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--classes", "")
        assert code == 2
        assert "cannot read the classes ''" in str(document["error"])

    def test_a_seed_that_torch_cannot_take_is_refused(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--seed", str(2**60))
        assert code == 2
        assert "--seed" in str(document["error"])

    def test_a_run_starts_from_weights_and_learns_from_a_teacher(self, spots: Path, tmp_path: Path) -> None:
        _, first = self.run(spots, tmp_path / "first")
        weights = str(first["checkpoint"])
        more = ["--teacher", weights, "--initial-weights", weights]
        code, document = self.run(spots, tmp_path / "second", *more)
        assert code == 0
        training = load_checkpoint(str(document["checkpoint"])).training
        assert training["teacher"]["sha256"] == training["initial_weights"]["sha256"]

    def test_an_option_that_the_network_lacks_is_refused_in_a_sentence(self, spots: Path, tmp_path: Path) -> None:
        code, document = self.run(spots, tmp_path / "run", "--option", "breadth=5")
        assert code == 2
        assert "breadth" in str(document["error"])


@pytest.mark.usefixtures("tiny")
def test_training_mirrors_a_face_with_its_left_and_right(
    short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    labels = np.repeat(np.array([[4, 5]], np.uint8), 24, axis=1).repeat(48, axis=0)
    for name in "abcd":
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), np.where(labels == 4, np.uint8(40), np.uint8(220)))
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), labels)
    every = pairs(tmp_path)
    mirrored = replace(short, stages=(Stage(32, 1, AugmentationPolicy(flip=(1.0, 0.0))),), resize="stretch")
    face = TrainingJob(
        network="tiny-dropout",
        recipe=mirrored,
        train=every[1:],
        validation=every[:1],
        classes=MELASMA_CLASSES,
        workers=0,
    )
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    usual = Objective.__call__

    def watching(self: Objective, *batch: Any, **settings: Any) -> torch.Tensor:
        seen.append((batch[1][..., 0], batch[2]))
        return usual(self, *batch, **settings)

    monkeypatch.setattr(Objective, "__call__", watching)
    Trainer(face, RunFolder(tmp_path / "run")).fit()
    assert load_checkpoint(tmp_path / "run" / "best.safetensors").contract.lesion_classes == ("HHB",)
    photos, masks = seen[0]
    assert set(masks[photos < 60].tolist()) == {5}  # dark was the left half, and is the right one in a mirror
    assert set(masks[photos > 200].tolist()) == {4}


@pytest.mark.usefixtures("tiny")
def test_a_teacher_without_weight_in_the_recipe_is_refused(spots: Path) -> None:
    with pytest.raises(InputError, match="'paper' gives it no weight; use --recipe best"):
        job(spots, recipe("hhbsnet", "paper"), teacher="scsonet")


@pytest.mark.usefixtures("tiny")
def test_a_class_number_beyond_the_classes_is_refused(spots: Path, short: Recipe, tmp_path: Path) -> None:
    four = tmp_path / "labels.png"
    cv2.imwrite(str(four), np.full((40, 48), 3, np.uint8))
    train, _ = chosen_pairs(spots)
    wrong = replace(job(spots, short), train=(*train[:3], replace(train[3], mask=four)))
    with pytest.raises(DatasetUnusable, match="number 3, expected 0 to 2"):
        Trainer(wrong, RunFolder(tmp_path / "run")).fit()
