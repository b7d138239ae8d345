"""`skinseg-eval` on six classes: from class maps in a folder to tables, documents and files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_export.evaluate_cli import main

SIX = ModelContract(input_hw=(32, 32), classes=MELASMA_CLASSES, lesion_classes=("HHB",))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write two photos of noise, each with a class map of six bands, and the names of the classes."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "classes.txt").write_text("\n".join(MELASMA_CLASSES))
    bands = np.repeat(np.arange(6, dtype=np.uint8), 8)[:, None].repeat(40, axis=1)  # 48 x 40
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (48, 40, 3)).astype(np.uint8)
        write_png(folder / f"p{number}.png", noise)
        write_png(folder / f"p{number}_mask.png", bands)
    return folder


def checkpoint_of(path: Path, contract: ModelContract) -> Path:
    classes = len(contract.classes)
    state = networks.create("unet", classes, base=4).state_dict()
    save_checkpoint(path, state, network_name="unet", contract=contract, options={"base": 4})
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return checkpoint_of(tmp_path / "six.safetensors", SIX)


@pytest.mark.slow  # draws six figures
def test_the_document_names_every_class_and_which_are_lesion(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "evaluation"
    outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data), "--json", "-o", str(output)])

    document = json.loads(outcome.stdout)
    assert (document["classes"], document["lesion_classes"]) == (list(MELASMA_CLASSES), ["HHB"])
    assert [each["name"] for each in document["per_class"]] == list(MELASMA_CLASSES)
    assert np.sum(document["confusion"]["network_size"]) == 2 * 32 * 32
    assert np.sum(document["confusion"]["photo_size"]) == 2 * 48 * 40
    mean = np.mean([each["iou"] for each in document["per_class"]])
    assert document["scores"]["macro_iou"] == pytest.approx(mean)
    assert document["per_class"][2]["dice"] == document["scores"]["pooled_dice"]
    with (output / "confusion.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["true / found", *MELASMA_CLASSES]
    assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == document["confusion"]["network_size"]


def test_the_tables_of_six_classes_fit_80_columns(data: Path, checkpoint: Path) -> None:
    outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data)])
    assert outcome.exit_code == 0
    assert "Every class" in outcome.stdout
    assert "mean (macro)" in outcome.stdout
    assert max(len(line) for line in outcome.stdout.splitlines() if "│" in line) <= 80


def test_a_model_of_other_classes_is_refused_with_both_lists(data: Path, tmp_path: Path) -> None:
    other = ModelContract(input_hw=(32, 32), classes=("skin", "mole", "hair"))
    outcome = CliRunner().invoke(main, [str(checkpoint_of(tmp_path / "o.safetensors", other)), "--data", str(data)])
    assert outcome.exit_code == 2
    assert "their classes are BACKGROUND, ET, HHB, XB, LF, RF, the model's are skin, mole, hair" in outcome.stderr


def test_a_binary_model_is_scored_on_the_lesion_of_the_six_classes(data: Path, tmp_path: Path) -> None:
    binary = checkpoint_of(tmp_path / "one.safetensors", ModelContract(input_hw=(32, 32)))
    outcome = CliRunner().invoke(main, [str(binary), "--data", str(data), "--json"])
    counts = json.loads(outcome.stdout)["photo_size"]
    assert counts["tp"] + counts["fn"] == 2 * 8 * 40  # the band of HHB in both pictures


def test_a_threshold_over_six_classes_is_refused(data: Path, checkpoint: Path) -> None:
    outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data), "--decision", "at-least"])
    assert (outcome.exit_code, "over the 6 classes" in outcome.stderr) == (2, True)
