"""Weights to start from: they are taken over, and their normalisation with them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import FileMissing
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_edge.training.augmentation import NONE
from skinseg_edge.training.initial_weights import with_normalisation_of
from skinseg_edge.training.recipes import Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Write weights of a small U-Net with a normalisation of their own."""
    torch.manual_seed(11)
    network = networks.create("unet", base=4)
    contract = ModelContract(input_hw=(32, 32), mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    save_checkpoint(
        tmp_path / "start.safetensors",
        network.state_dict(),
        network_name="unet",
        contract=contract,
        options={"base": 4},
    )
    return tmp_path / "start.safetensors"


def test_a_run_starts_from_the_weights_and_says_so(weights: Path, tmp_path: Path) -> None:
    pairs = []
    for i in range(3):
        file = tmp_path / f"{i}.png"
        cv2.imwrite(str(file), np.full((32, 32), 255, np.uint8))
        pairs.append(PicturePair(str(i), file, file))
    still = replace(recipe("unet", "best"), stages=(Stage(32, 1, NONE),), learning_rate=0.0, final_learning_rate=0.0)
    job = TrainingJob(
        network="unet",
        recipe=still,
        train=pairs[:2],
        validation=pairs[2:],
        options={"base": 4},
        initial_weights=weights,
        workers=0,
    )
    trainer = Trainer(job, RunFolder(tmp_path / "run"))
    assert "start.safetensors" in trainer.started_from
    trainer.fit()
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["network"]
    torch.manual_seed(11)
    expected = networks.create("unet", base=4).state_dict()
    convolutions = [name for name in expected if expected[name].ndim == 4]
    assert all(torch.equal(state[name], expected[name]) for name in convolutions)
    assert "start.safetensors" in (tmp_path / "run" / "run.json").read_text()


def test_a_checkpoint_brings_its_normalisation(weights: Path) -> None:
    fitted = with_normalisation_of(recipe("unet", "paper"), "unet", weights)
    assert (fitted.mean, fitted.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_a_backbone_of_imagenet_brings_that_of_imagenet(tmp_path: Path) -> None:
    torch.save({"features.0.0.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "mobilenet.pth")
    fitted = with_normalisation_of(recipe("hhbsnet", "paper"), "hhbsnet", tmp_path / "mobilenet.pth")
    assert (fitted.mean[0], fitted.std[0]) == (0.485, 0.229)


def test_weights_that_tell_nothing_leave_the_recipe_as_it_is(tmp_path: Path) -> None:
    torch.save({"any.weight": torch.zeros(1)}, tmp_path / "any.pth")
    paper = recipe("unet", "paper")
    assert with_normalisation_of(paper, "unet", tmp_path / "any.pth") == paper


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"none\.pth: there is no such file; check --initial-weights"):
        with_normalisation_of(recipe("unet", "paper"), "unet", tmp_path / "none.pth")
