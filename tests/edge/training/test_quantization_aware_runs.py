"""`skinseg-train --qat`: it goes on from trained weights, learns, survives a kill, leaves an ordinary checkpoint."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from skinseg_edge import load_checkpoint
from skinseg_edge.acceptance_limits import AcceptanceLimits, PrecisionLimits
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import CheckpointMismatch, InputError
from skinseg_edge.image_io import encode_png
from skinseg_edge.networks import create
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_edge.training.augmentation import NONE
from skinseg_edge.training.cli import main
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.recipes import Recipe, Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.start import quantization_aware_start, usual_start
from skinseg_edge.training.trainer import Trainer, TrainingJob
from tests.edge.training.cutting import resumed_after_each_epoch

REPOSITORY = Path(__file__).parents[3]
SIDE = 32


@pytest.fixture(scope="session")
def lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 20 lesions: a folder with pictures, masks and lists."""
    root = tmp_path_factory.mktemp("data") / "drawn"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    names = [f"lesion{seed:02}" for seed in range(20)]
    for seed, name in enumerate(names):
        drawn = draw(seed, (48, 48))
        (root / "images" / f"{name}.png").write_bytes(encode_png(drawn.photo))
        (root / "masks" / f"{name}.png").write_bytes(encode_png(drawn.mask.astype("uint8") * 255))
    (root / "train.txt").write_text("\n".join(names[:14]))
    (root / "validation.txt").write_text("\n".join(names[14:]))
    return root


@pytest.fixture(scope="session")
def weights(lesions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small U-Net for a moment, with a size and a normalisation of its own."""
    folder = RunFolder(tmp_path_factory.mktemp("start") / "run")
    moment = replace(recipe("unet", "best"), stages=(Stage(SIDE, 3, NONE),), batch=7, warm_up=0, mean=(0.4, 0.5, 0.6))
    train, validation = chosen_pairs(lesions)
    options = {"base": 8}
    Trainer(
        TrainingJob(network="unet", recipe=moment, train=train, validation=validation, options=options, workers=0),
        folder,
    ).fit()
    return folder.best


def quantization_job(lesions: Path, weights: Path, **changes: object) -> TrainingJob:
    start = quantization_aware_start("unet", {}, weights)
    train, validation = chosen_pairs(lesions)
    return TrainingJob(
        network="unet",
        recipe=replace(start.recipe, batch=7, **changes),  # type: ignore[arg-type]  # a recipe checks nothing
        train=train,
        validation=validation,
        options=start.options,
        initial_weights=start.weights,
        quantization_aware=True,
        teacher=start.teacher,
        workers=0,
    )


def arguments(lesions: Path, weights: Path, run: Path) -> list[str]:
    named = {"--network": "unet", "--data": lesions, "--initial-weights": weights, "-o": run, "--workers": 0}
    return ["--qat", *(str(part) for pair in named.items() for part in pair)]


def test_two_epochs_lower_the_loss(lesions: Path, weights: Path, tmp_path: Path) -> None:
    job = quantization_job(lesions, weights, stages=(Stage(SIDE, 2, NONE),), learning_rate=1e-3)
    trainer = Trainer(job, RunFolder(tmp_path / "run"))
    trainer.fit()
    assert trainer.records[1].loss < trainer.records[0].loss


def test_the_checkpoint_is_an_ordinary_one_that_tells_the_reaches(lesions: Path, weights: Path, tmp_path: Path) -> None:
    trainer = Trainer(quantization_job(lesions, weights), RunFolder(tmp_path / "run"))
    trainer.fit()
    checkpoint = load_checkpoint(trainer.folder.best)
    assert checkpoint.contract.input_hw == (SIDE, SIDE)
    assert checkpoint.contract.mean == (0.4, 0.5, 0.6)
    quantization = checkpoint.training["quantization"]
    assert quantization["method"] == "qat"
    layers = quantizable_layers(checkpoint.network, (SIDE, SIDE)).quantizable
    assert sorted(quantization["input_reaches"]) == sorted(layers) == sorted(trainer.quantized)
    assert min(quantization["input_reaches"].values()) > 0
    fresh = create("unet", 1, base=8)
    assert checkpoint.network.state_dict().keys() == fresh.state_dict().keys()


def test_the_epoch_is_chosen_with_rounding_in_place(lesions: Path, weights: Path, tmp_path: Path) -> None:
    still = {"stages": (Stage(SIDE, 1, NONE),), "learning_rate": 0.0, "final_learning_rate": 0.0, "average_decay": 0.0}
    job = quantization_job(lesions, weights, **still)
    plain = replace(job, quantization_aware=False)
    rounded_loss, plain_loss = (
        Trainer(each, RunFolder(tmp_path / name)).fit().loss for each, name in ((job, "rounded"), (plain, "plain"))
    )
    # Nothing moves, so what differs is the rounding alone.
    assert rounded_loss != plain_loss
    assert rounded_loss == pytest.approx(plain_loss, rel=0.05)


def test_a_run_cut_off_between_epochs_goes_on_as_if_nothing_had_happened(
    lesions: Path, weights: Path, tmp_path: Path
) -> None:
    job = quantization_job(lesions, weights)
    whole = Trainer(job, RunFolder(tmp_path / "whole"))
    whole.fit()
    cut = resumed_after_each_epoch(job, RunFolder(tmp_path / "cut"))
    assert [(each.loss, each.dice) for each in cut.records] == [(each.loss, each.dice) for each in whole.records]
    assert_same_checkpoint(whole.folder.best, cut.folder.best)


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_checkpoint(lesions: Path, weights: Path, tmp_path: Path) -> None:
    asked = [*arguments(lesions, weights, tmp_path / "killed"), "--epochs", "8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "skinseg_edge.training", *asked],
        cwd=REPOSITORY,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "state.pt").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    for name in ("killed", "whole"):
        outcome = CliRunner().invoke(main, [*arguments(lesions, weights, tmp_path / name), "--epochs", "8", "--json"])
        assert outcome.exit_code == 0, outcome.stderr
    assert_same_checkpoint(tmp_path / "whole" / "best.safetensors", tmp_path / "killed" / "best.safetensors")


def assert_same_checkpoint(one: Path, other: Path) -> None:
    first, second = load_checkpoint(one), load_checkpoint(other)
    assert first.training["quantization"] == second.training["quantization"]
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


class TestStart:
    def test_the_shipped_weights_start_and_teach_where_none_are_named(self) -> None:
        start = quantization_aware_start("scsonet", {}, None)
        shipped = load_checkpoint("scsonet").contract
        assert start.weights is not None
        assert start.weights.name == "scsonet.safetensors"
        assert start.teacher == start.weights
        assert (start.recipe.side, start.recipe.name) == (shipped.input_hw[0], "qat")

    def test_size_values_classes_loss_and_options_are_those_of_the_weights(self, tmp_path: Path) -> None:
        contract = ModelContract(
            input_hw=(48, 48), std=(0.1, 0.2, 0.3), resize="letterbox", classes=("rest", "naevus", "melanoma")
        )
        path = written(tmp_path, contract, training={"recipe": {"loss": "ce+focal"}})
        start = quantization_aware_start("unet", {}, path)
        fitted = start.recipe
        assert (fitted.side, fitted.std, fitted.resize, fitted.classes, fitted.loss) == (
            *(48, (0.1, 0.2, 0.3), "letterbox", ("rest", "naevus", "melanoma"), "ce+focal"),
        )
        assert start.options == {"base": 4}

    def test_what_training_does_not_decide_stays_as_the_contract_says(self, lesions: Path, tmp_path: Path) -> None:
        limits = PrecisionLimits(int8=AcceptanceLimits(mean_dice=0.97, expert_dice_drop=0.01, subgroup_dice_drop=0.02))
        contract = ModelContract(input_hw=(48, 48), threshold=0.4, pad_value=7, limits=limits)
        start = quantization_aware_start("unet", {}, written(tmp_path, contract))
        train, validation = chosen_pairs(lesions)
        job = TrainingJob(
            network="unet",
            recipe=start.recipe,
            train=train,
            validation=validation,
            initial_weights=start.weights,
            starting_contract=start.contract,
        )
        assert job.contract() == contract

    def test_a_foreign_file_starts_and_does_not_teach(self, tmp_path: Path) -> None:
        torch.save(create("unet", 1, base=4).state_dict(), tmp_path / "foreign.pth")
        start = quantization_aware_start("unet", {"base": 4}, tmp_path / "foreign.pth")
        assert start.teacher is None
        assert start.recipe.loss == "bce+dice"

    def test_a_network_without_shipped_weights_needs_some(self) -> None:
        with pytest.raises(InputError, match=r"none are shipped for it .*name some with --initial-weights"):
            quantization_aware_start("unet", {}, None)

    def test_weights_of_another_network_are_refused(self, weights: Path) -> None:
        with pytest.raises(CheckpointMismatch, match="its weights are those of unet"):
            quantization_aware_start("scsonet", {}, weights)

    def test_an_input_that_is_not_square_is_refused_by_its_size(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="its input is 32 x 48 px, expected a square"):
            quantization_aware_start("unet", {}, written(tmp_path, ModelContract(input_hw=(32, 48))))

    def test_other_recipes_take_the_normalisation_and_no_teacher(self, weights: Path) -> None:
        start = usual_start("unet", "paper", {"base": 8}, weights)
        assert (start.recipe.mean, start.teacher, start.weights) == ((0.4, 0.5, 0.6), None, weights)

    def test_a_job_from_fresh_weights_is_refused(self, lesions: Path) -> None:
        train, validation = chosen_pairs(lesions)
        chosen: Recipe = recipe("unet", "qat")
        with pytest.raises(InputError, match="cannot train unet quantization-aware from fresh weights"):
            TrainingJob(network="unet", recipe=chosen, train=train, validation=validation, quantization_aware=True)


def written(folder: Path, contract: ModelContract, training: dict[str, object] | None = None) -> Path:
    network = create("unet", len(contract.classes), base=4)
    path = folder / "some.safetensors"
    save_checkpoint(
        path, network.state_dict(), network_name="unet", contract=contract, options={"base": 4}, training=training
    )
    return path


class TestCommand:
    @pytest.mark.parametrize("spelling", [["--qat"], ["--recipe", "qat"], ["--qat", "--recipe", "qat"]])
    def test_the_flag_and_the_recipe_mean_the_same(
        self, lesions: Path, weights: Path, tmp_path: Path, spelling: list[str]
    ) -> None:
        asked = [*spelling, *arguments(lesions, weights, tmp_path / "run")[1:], "--epochs", "1", "--json"]
        outcome = CliRunner().invoke(main, asked)
        assert outcome.exit_code == 0, outcome.stderr
        assert "rounding 17 layers to 8 bits" in outcome.stderr
        training = load_checkpoint(json.loads(outcome.stdout)["checkpoint"]).training
        assert training["teacher"]["checkpoint"] == weights.name
        assert training["initial_weights"]["file"] == weights.name
        assert training["recipe"]["name"] == "qat"

    def test_every_run_tells_where_its_pictures_are_found_again(
        self, lesions: Path, weights: Path, tmp_path: Path
    ) -> None:
        CliRunner().invoke(main, [*arguments(lesions, weights, tmp_path / "run"), "--epochs", "1"])
        training = load_checkpoint(tmp_path / "run" / "best.safetensors").training
        assert training["data_folder"] == "drawn"
        assert len(training["train_names_sha256"]) == 64

    def test_another_recipe_beside_the_flag_is_refused(self, lesions: Path, weights: Path, tmp_path: Path) -> None:
        asked = [*arguments(lesions, weights, tmp_path / "run"), "--recipe", "paper", "--json"]
        outcome = CliRunner().invoke(main, asked)
        assert outcome.exit_code == 2
        assert "cannot use the recipe 'paper' with --qat" in json.loads(outcome.stdout)["error"]["message"]
