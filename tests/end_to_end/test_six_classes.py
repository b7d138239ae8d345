"""The six-class path from end to end: drawn faces, training, export, class maps; with HHBSNet, small and short."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.train_on_faces import face_recipe
from skinseg_edge.bundle import Bundle
from skinseg_edge.command_line import Command
from skinseg_edge.datasets.face_folder import main as draw_faces
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES, read_label_map
from skinseg_edge.image_io import decode_mask
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.recipes import Stage
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob
from skinseg_export.cli import main as export
from skinseg_export.evaluate_cli import main as evaluate
from skinseg_runtime.cli import main as run

_SIDE = 64
_HHB = MELASMA_CLASSES.index("HHB")

Call = Callable[..., dict[str, object]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command in this process; it must end well. Returns what it prints as JSON."""

    def run_command(command: Command, *words: str | Path) -> dict[str, object]:
        code = command.main([*map(str, words), "--json"], standalone_mode=False)
        printed = capsys.readouterr()
        assert code == 0, printed.out + printed.err
        document = json.loads(printed.out)
        assert isinstance(document, dict)
        return document

    return run_command


def _trained(faces: Path, folder: Path) -> Path:
    recipe = face_recipe()
    train, validation = chosen_pairs(faces)
    job = TrainingJob(
        network="hhbsnet",
        recipe=replace(recipe, stages=(Stage(_SIDE, 2, recipe.stages[0].augmentation),), batch=4),
        train=train,
        validation=validation,
        options={"decoder": 16, "infusion": 16},
        classes=MELASMA_CLASSES,
        workers=0,
    )
    best = Trainer(job, RunFolder(folder)).fit()
    assert 0 <= best.mean_iou <= 1
    return folder / "best.safetensors"


@pytest.mark.slow
def test_drawn_faces_become_a_network_that_maps_six_classes(tmp_path: Path, call: Call) -> None:
    faces, bundle, results = tmp_path / "faces", tmp_path / "melasma.skinseg", tmp_path / "results"
    call(draw_faces, faces, "--count", "15", "--side", "80")
    checkpoint = _trained(faces, tmp_path / "run")

    call(export, checkpoint, "--target", "onnx", "-o", bundle)
    contract = Bundle.open(bundle).contract
    assert (contract.classes, contract.lesion_classes) == (MELASMA_CLASSES, ("HHB",))

    call(run, bundle, faces / "images", "-o", results, "--overlay")
    names = sorted(path.name for path in results.iterdir())
    assert len([name for name in names if name.endswith(".classes.png")]) == 15
    with Image.open(results / "face-0001.classes.png") as drawn:
        assert drawn.mode == "P"
    found = read_label_map(results / "face-0001.classes.png", MELASMA_CLASSES)
    assert found.shape == (80, 80)
    assert np.array_equal(decode_mask(results / "face-0001.mask.png"), found == _HHB)

    scores = call(evaluate, bundle, "--data", faces, "--split", faces / "validation.txt")
    assert scores["pictures"] == 3
