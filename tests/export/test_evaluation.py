"""Scores of a segmenter on drawn masks: definitions, the command, and the pictures it writes."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_export.evaluate_cli import main
from skinseg_export.evaluation import BINS, evaluate
from skinseg_export.evaluation_tables import pictures_csv
from skinseg_runtime import Segmenter

CONTRACT = ModelContract(input_hw=(32, 32))


class DarknessEngine:
    """Stands in for a network: the darker a pixel, the more probable a lesion."""

    name = "darkness"
    input_hw = CONTRACT.input_hw
    classes = 1

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(1 - images.mean(3, dtype=np.float32) / 255)[:, None]

    def close(self) -> None:
        pass


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Draw one photo whose dark half is its mask, and one with a lesion that is not dark."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    half = np.full((64, 64, 3), 230, np.uint8)
    half[:, :32] = 25
    cv2.imwrite(str(tmp_path / "images/half.png"), half)
    cv2.imwrite(str(tmp_path / "masks/half.png"), np.where(half[..., 0] < 128, 255, 0).astype(np.uint8))
    pale = np.full((64, 64, 3), 230, np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    cv2.imwrite(str(tmp_path / "images/pale.png"), pale)
    cv2.imwrite(str(tmp_path / "masks/pale.png"), mask)
    return tmp_path


def test_figures_follow_their_definitions(data: Path) -> None:
    evaluation = evaluate(Segmenter(CONTRACT, DarknessEngine()), pairs(data))
    # At 32 x 32: half finds its 512 pixels, pale misses all its 256.
    assert (evaluation.network.tp, evaluation.network.fp, evaluation.network.fn) == (512, 0, 256)
    assert evaluation.network.dice == pytest.approx(2 * 512 / (2 * 512 + 256))
    assert evaluation.photo.tp == 4 * 512
    assert evaluation.mean_dice == pytest.approx(0.5)
    assert [score.pair.name for score in evaluation.worst(1)] == ["pale"]


def test_the_histograms_hold_every_pixel_once_and_give_the_exact_roc(data: Path) -> None:
    evaluation = evaluate(Segmenter(CONTRACT, DarknessEngine()), pairs(data))
    assert evaluation.lesion_probability.inside.sum() == 512 + 256
    assert evaluation.lesion_probability.outside.sum() == 2 * 32 * 32 - 768
    false_rate, true_rate = evaluation.roc
    assert (len(false_rate), false_rate[0], true_rate[0]) == (BINS + 1, 0, 0)
    assert (false_rate[-1], true_rate[-1]) == (1, 1)
    # Two thirds of the lesion pixels stand above all skin, one third is level with it.
    assert evaluation.auc == pytest.approx(2 / 3 + 1 / 3 / 2)
    threshold, dice = evaluation.best_threshold
    assert dice == pytest.approx(evaluation.network.dice)
    assert 0.098 < threshold <= 0.902


def test_a_picture_without_lesion_is_right_at_both_sizes_when_nothing_is_found(data: Path) -> None:
    cv2.imwrite(str(data / "masks/pale.png"), np.zeros((64, 64), np.uint8))
    evaluation = evaluate(Segmenter(CONTRACT, DarknessEngine()), pairs(data))
    row = list(csv.DictReader(io.StringIO(pictures_csv(evaluation))))[1]
    assert (row["name"], row["dice"], row["network_dice"]) == ("pale", "1.000000", "1.000000")


def test_a_mask_of_another_size_is_refused_by_both_sizes(data: Path) -> None:
    cv2.imwrite(str(data / "masks/pale.png"), np.zeros((10, 12), np.uint8))
    with pytest.raises(DatasetUnusable, match=r"pale: its mask is \(10, 12\).*its photo \(64, 64\)"):
        evaluate(Segmenter(CONTRACT, DarknessEngine()), pairs(data))


def test_no_pictures_are_refused() -> None:
    with pytest.raises(DatasetUnusable, match="no picture"):
        evaluate(Segmenter(CONTRACT, DarknessEngine()), [])


class TestCommand:
    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        path = tmp_path / "small.safetensors"
        state = networks.create("unet", base=4).state_dict()
        save_checkpoint(path, state, network_name="unet", contract=CONTRACT, options={"base": 4})
        return path

    def test_a_checkpoint_gives_one_object_and_its_files(self, data: Path, checkpoint: Path, tmp_path: Path) -> None:
        output = tmp_path / "evaluation"
        outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data), "-o", str(output), "--json"])
        document = json.loads(outcome.stdout)
        assert (outcome.exit_code, document["schema"], document["pictures"]) == (0, "skinseg.eval/1", 2)
        assert 0 <= document["network_size"]["dice"] <= 1
        assert document["engine"] == "torch"
        assert [each["name"] for each in document["per_picture"]] == ["half", "pale"]
        with (output / "pictures.csv").open() as file:
            assert [row["name"] for row in csv.DictReader(file)] == ["half", "pale"]
        names = {path.name for path in output.iterdir()}
        assert {Path(path).name for path in document["files"]} == names
        assert {"confusion.csv", "scores.txt", "scores.md", "scores.csv", "scores.json"} <= names
        for name in ("worst.png", "roc.png", "attention.png"):
            assert cv2.imread(str(output / name)) is not None
        assert json.loads((output / "scores.json").read_text())["scores"] == document["scores"]

    def test_an_existing_output_is_refused_before_any_work(self, data: Path, checkpoint: Path) -> None:
        outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data), "-o", str(data)])
        assert outcome.exit_code == 2
        assert "--force" in outcome.stderr

    def test_a_table_tells_both_sizes_within_80_columns(self, data: Path, checkpoint: Path) -> None:
        outcome = CliRunner().invoke(main, [str(checkpoint), "--data", str(data)])
        assert outcome.exit_code == 0
        assert "network size, raw" in outcome.stdout
        assert max(len(line) for line in outcome.stdout.splitlines() if "│" in line) <= 80
        assert "Confusion matrix" in outcome.stdout
        assert "Each picture" in outcome.stdout

    def test_masks_without_a_lesion_have_no_auc(self, checkpoint: Path, tmp_path: Path) -> None:
        write_png(tmp_path / "a.png", np.zeros((64, 64, 3), np.uint8))
        write_png(tmp_path / "a_mask.png", np.zeros((64, 64), np.uint8))

        as_json = CliRunner().invoke(main, [str(checkpoint), "--data", str(tmp_path), "--json"])
        as_table = CliRunner().invoke(main, [str(checkpoint), "--data", str(tmp_path)])

        assert json.loads(as_json.stdout)["auc"] is None
        assert "AUC undefined" in as_table.stdout

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--engine", "coreml"], "with --engine coreml --precision fp32: only bundles have a choice"),
            (["--precision", "fp16"], "with --engine auto --precision fp16: only bundles have a choice"),
        ],
    )
    def test_an_option_of_bundles_is_not_silently_dropped(
        self, data: Path, checkpoint: Path, arguments: list[str], words: str
    ) -> None:
        result = CliRunner().invoke(main, [str(checkpoint), "--data", str(data), *arguments])
        assert (result.exit_code, words in result.stderr) == (2, True)

    def test_a_bundle_takes_no_network(self, data: Path, tmp_path: Path) -> None:
        result = CliRunner().invoke(main, [str(tmp_path), "--data", str(data), "--network", "unet"])
        assert (result.exit_code, "a bundle knows its network" in result.stderr) == (2, True)
