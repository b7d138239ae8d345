"""Training: it learns, it resumes after a kill as if nothing had happened, it refuses what cannot work."""

import csv
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
from torch import nn

from skinseg_edge import load_checkpoint
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import CheckpointMismatch, DatasetUnusable, InputError, OutputRefused, ToolMissing
from skinseg_edge.training.augmentation import PHONE
from skinseg_edge.training.cli import main
from skinseg_edge.training.devices import pick_device
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.recipes import Recipe, Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob
from skinseg_edge.training.weight_average import WeightAverage
from tests.edge.training.cutting import resumed_after_each_epoch

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 24 dark discs on light ground: easy enough that a few epochs learn them."""
    root = tmp_path_factory.mktemp("discs")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    rng = np.random.default_rng(5)
    for i in range(24):
        mask = np.zeros((40, 48), np.uint8)
        centre = (int(rng.integers(16, 32)), int(rng.integers(14, 26)))
        cv2.circle(mask, centre, int(rng.integers(6, 14)), 255, -1)
        photo = np.where(mask[..., None] > 0, 70, 200) + rng.normal(0, 6, (40, 48, 3))
        cv2.imwrite(str(root / "images" / f"disc{i:02}.png"), np.clip(photo, 0, 255).astype(np.uint8))
        cv2.imwrite(str(root / "masks" / f"disc{i:02}.png"), mask)
    names = [f"disc{i:02}" for i in range(24)]
    (root / "train.txt").write_text("\n".join(names[:18]))
    (root / "validation.txt").write_text("\n".join(names[18:]))
    return root


@pytest.fixture
def short() -> Recipe:
    return replace(recipe("scsonet", "best"), stages=(Stage(32, 2, PHONE), Stage(64, 2, PHONE)), batch=6, warm_up=1)


def job(discs: Path, short: Recipe) -> TrainingJob:
    train, validation = chosen_pairs(discs)
    return TrainingJob(network="scsonet", recipe=short, train=train, validation=validation, workers=0)


def test_training_learns_and_writes_a_checkpoint_that_loads(discs: Path, short: Recipe, tmp_path: Path) -> None:
    longer = replace(short, stages=(Stage(32, 10, PHONE),), average_decay=0.9)
    folder = RunFolder(tmp_path / "run")
    trainer = Trainer(job(discs, longer), folder)
    best = trainer.fit()
    assert best.dice > 0.8
    assert trainer.records[-1].loss < trainer.records[0].loss / 2
    checkpoint = load_checkpoint(folder.best)
    assert checkpoint.contract.input_hw == (32, 32)
    assert checkpoint.training["best"]["dice"] == best.dice


def test_a_run_cut_off_between_epochs_goes_on_as_if_nothing_had_happened(
    discs: Path, short: Recipe, tmp_path: Path
) -> None:
    whole = Trainer(job(discs, short), RunFolder(tmp_path / "whole"))
    whole.fit()

    resumed = resumed_after_each_epoch(job(discs, short), RunFolder(tmp_path / "cut"))

    def timeless(trainer: Trainer) -> list[tuple[object, ...]]:
        return [(each.epoch, each.side, each.loss, each.dice) for each in trainer.records]

    assert timeless(resumed) == timeless(whole)
    first, second = (load_checkpoint(tmp_path / name / "best.safetensors").network for name in ("whole", "cut"))
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name


def test_a_process_killed_in_the_middle_of_an_epoch_resumes(discs: Path, tmp_path: Path) -> None:
    run = tmp_path / "killed"
    arguments = ["--network", "scsonet", "--data", str(discs), "--epochs", "2", "-o", str(run), "--workers", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "skinseg_edge.training", *arguments],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (run / "run.json").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / "best.safetensors").exists()  # killed in the first epoch, at the smaller size
    outcome = CliRunner().invoke(main, [*arguments, "--json"])
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout)["epochs"] == 2
    assert not list(run.glob("*.part"))


def test_a_run_with_other_settings_is_not_overwritten(discs: Path, short: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    Trainer(job(discs, replace(short, stages=(Stage(32, 1, PHONE),))), folder).fit()
    with pytest.raises(InputError, match="other settings"):
        Trainer(job(discs, replace(short, learning_rate=1.0)), folder)


@pytest.mark.parametrize(
    ("changes", "names"), [({"accumulate": 2}, "accumulate"), ({"lanes": 2, "seed": 3}, "lanes, seed")]
)
def test_a_refusal_to_resume_names_the_settings_that_differ(
    discs: Path, short: Recipe, tmp_path: Path, changes: dict[str, Any], names: str
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(job(discs, short).describe())
    (folder.path / "state.pt").write_bytes(b"an epoch")
    with pytest.raises(InputError, match=rf"other settings \(see {names} in run.json\)"):
        folder.open(replace(job(discs, short), **changes).describe())


@pytest.mark.parametrize("content", [b"\xff", b"[1]", b"{"])
def test_a_damaged_description_of_a_run_is_no_run_to_resume(
    discs: Path, short: Recipe, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "state.pt").write_bytes(b"an epoch")
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(InputError, match=r"see what is damaged in run.json"):
        RunFolder(tmp_path).open(job(discs, short).describe())


def test_a_run_does_not_go_on_with_other_pictures(discs: Path, short: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    first = job(discs, replace(short, stages=(Stage(32, 1, PHONE),)))
    Trainer(first, folder).fit()
    swapped = replace(
        first, train=[*first.train[1:], first.validation[0]], validation=[*first.validation[1:], first.train[0]]
    )
    with pytest.raises(InputError, match="other settings"):
        Trainer(swapped, folder)


def test_a_run_that_never_ended_an_epoch_may_start_anew(discs: Path, short: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    Trainer(job(discs, short), folder)
    Trainer(job(discs, replace(short, learning_rate=1.0)), folder)
    assert '"learning_rate": 1.0' in (tmp_path / "run" / "run.json").read_text()


def test_a_folder_with_foreign_files_is_refused_and_left_alone(discs: Path, short: Recipe, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("mine")
    with pytest.raises(OutputRefused, match="holds files and no run"):
        Trainer(job(discs, short), RunFolder(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_a_damaged_state_is_told_in_a_sentence(discs: Path, short: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    one = job(discs, replace(short, stages=(Stage(32, 1, PHONE),)))
    Trainer(one, folder).fit()
    whole = (tmp_path / "run" / "state.pt").read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"no state"):
        (tmp_path / "run" / "state.pt").write_bytes(broken)
        with pytest.raises(CheckpointMismatch, match=r"state\.pt is damaged"):
            Trainer(one, folder)
    folder.save_state({"network": {}})
    with pytest.raises(CheckpointMismatch, match=r"state\.pt is damaged"):
        Trainer(one, folder)


def test_no_validation_pictures_are_refused_with_the_option_that_names_some(discs: Path, short: Recipe) -> None:
    with pytest.raises(DatasetUnusable, match="no validation picture; name some with --validation-list"):
        TrainingJob(network="unet", recipe=short, train=chosen_pairs(discs)[0], validation=())


def test_a_picture_in_both_lists_is_refused(discs: Path, short: Recipe) -> None:
    train, validation = chosen_pairs(discs)
    with pytest.raises(DatasetUnusable, match=r"1 names are in both \(disc00\), so the network would be judged on"):
        TrainingJob(network="unet", recipe=short, train=train, validation=(*validation, train[0]))


def test_a_part_of_a_batch_without_a_picture_of_each_lane_is_refused_by_both_numbers(
    discs: Path, short: Recipe
) -> None:
    whole = job(discs, short)  # batches of 6
    replace(whole, lanes=3, accumulate=2)
    with pytest.raises(
        InputError, match=r"4 lanes with 2 parts a batch: of 6 pictures the smallest part has 3, expected"
    ):
        replace(whole, lanes=4, accumulate=2)
    with pytest.raises(InputError, match="on 0 lanes in 1 parts: expected 1 or more"):
        replace(whole, lanes=0)


def test_a_run_keeps_its_lanes_and_tells_them_once_an_epoch_is_done(discs: Path, short: Recipe, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    one = replace(job(discs, replace(short, stages=(Stage(32, 1, PHONE),))), lanes=2)
    trainer = Trainer(one, folder)
    assert folder.lanes() is None
    trainer.fit()
    assert folder.lanes() == 2
    with pytest.raises(InputError, match="other settings"):
        Trainer(replace(one, lanes=3), folder)


def test_a_mask_of_another_size_is_refused_by_both_sizes(discs: Path, short: Recipe, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((10, 10), np.uint8))
    train, validation = chosen_pairs(discs)
    wrong = PicturePair("wrong", train[0].picture, tmp_path / "small.png")
    described = TrainingJob(network="scsonet", recipe=short, train=(*train, wrong), validation=validation, workers=0)
    with pytest.raises(DatasetUnusable, match=r"small\.png: it is \(10, 10\) px .* its photo \(40, 48\)"):
        Trainer(described, RunFolder(tmp_path / "run")).fit()


def test_the_average_follows_the_weights_and_forgets_the_start() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, 0.9)
    nn.init.ones_(network.weight)
    before = average.weights["weight"].clone()
    average.update(network)
    # Decay of the first step: (1 + 1) / (10 + 1).
    assert average.weights["weight"].item() == pytest.approx(before.item() * 2 / 11 + 9 / 11)
    for _ in range(300):
        average.update(network)
    assert average.weights["weight"].item() == pytest.approx(1.0, abs=1e-6)


def test_devices_are_told_apart() -> None:
    assert pick_device("cpu") == "cpu"
    with pytest.raises(InputError, match="'gpu'"):
        pick_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ToolMissing, match="--device cpu"):
            pick_device("cuda")


class TestCommand:
    def run(self, discs: Path, folder: Path, *more: str) -> tuple[int, dict[str, object]]:
        arguments = ["--network", "scsonet", "--data", str(discs), "-o", str(folder), "--workers", "0", "--json"]
        outcome = CliRunner().invoke(main, [*arguments, *more])
        return outcome.exit_code, json.loads(outcome.stdout)

    def test_one_epoch_gives_checkpoint_log_and_curves(self, discs: Path, tmp_path: Path) -> None:
        code, document = self.run(discs, tmp_path / "run", "--epochs", "1")
        assert code == 0
        assert document["schema"] == "skinseg.train/1"
        assert document["epochs"] == 1
        curves = cv2.imread(str(document["curves"]))
        assert curves is not None
        with Path(str(document["log"])).open() as log:
            rows = list(csv.DictReader(log))
        assert float(rows[0]["dice"]) == document["dice"]
        assert Path(str(document["checkpoint"])).stat().st_size > 500_000

    def test_an_unknown_network_ends_with_2_and_one_object(self, discs: Path, tmp_path: Path) -> None:
        code, document = self.run(discs, tmp_path / "run", "--network", "unett")
        assert code == 2
        error = document["error"]
        assert isinstance(error, dict)
        assert "did you mean 'unet'" in str(error["message"])
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("option", ["--workers", "--seed", "--epochs"])
    def test_a_negative_number_is_wrong_use(self, discs: Path, tmp_path: Path, option: str) -> None:
        code, document = self.run(discs, tmp_path / "run", option, "-1")
        assert code == 2
        assert option in str(document["error"])
