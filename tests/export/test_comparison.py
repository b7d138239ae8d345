"""Models side by side: repeated runs, differences, the papers' tables, and the command that makes them."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.errors import InputError
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import save_checkpoint
from skinseg_export.comparison import Contender, contenders_of, difference_between
from skinseg_export.comparison_tables import comparison_tables
from skinseg_export.evaluate_cli import main
from skinseg_export.evaluation import Evaluation, evaluate
from skinseg_export.paper_results import PAPER_TABLES
from skinseg_export.run_statistics import Summary
from skinseg_export.scores import SCORES, scores_of
from skinseg_export.tables import text_of
from skinseg_runtime import Segmenter

CONTRACT = ModelContract(input_hw=(32, 32))


class DarkEngine:
    """Stands in for a network: lesion where a pixel is darker than *level*."""

    name = "dark"
    input_hw = CONTRACT.input_hw
    classes = 1

    def __init__(self, level: int) -> None:
        self.level = level

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.where(images[..., 0] < self.level, np.float32(0.9), np.float32(0.1))[:, None]

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw four photos, each with a dark lesion in a grey ring that a high level takes for lesion too."""
    folder = tmp_path_factory.mktemp("drawn")
    rows, columns = np.mgrid[:32, :32]
    for number in range(4):
        distance = np.hypot(rows - 16, columns - 16)
        photo = np.where(distance < 6 + number, 40, np.where(distance < 8 + 2 * number, 120, 220)).astype(np.uint8)
        write_png(folder / f"p{number}.png", np.repeat(photo[..., None], 3, axis=2))
        write_png(folder / f"p{number}_mask.png", np.where(photo == 40, np.uint8(255), np.uint8(0)))
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    state = networks.create("unet", base=4).state_dict()
    save_checkpoint(path, state, network_name="unet", contract=CONTRACT, options={"base": 4})
    return str(path)


def run_of(data: Path, level: int) -> Evaluation:
    return evaluate(Segmenter(CONTRACT, DarkEngine(level)), pairs(data))


def test_runs_of_one_label_are_one_contender_with_a_mean_and_a_deviation(data: Path) -> None:
    good, poor = run_of(data, 80), run_of(data, 160)
    one, two = contenders_of(["a", "b", "a"], [good, good, poor], [10, None, 10])
    assert (one.label, one.parameters, len(one.runs)) == ("a", 10, 2)
    assert (two.label, two.parameters, len(two.runs)) == ("b", None, 1)
    dices = [good.network.dice, poor.network.dice]
    assert one.summary("pooled_dice").mean == pytest.approx(np.mean(dices))
    assert one.summary("pooled_dice").sd == pytest.approx(np.std(dices, ddof=1))


def test_a_difference_is_tested_over_pictures_and_over_runs(data: Path) -> None:
    good, poor = run_of(data, 80), run_of(data, 160)
    first, second = Contender("good", (good, good)), Contender("poor", (poor, poor))

    difference = difference_between(first, second)

    lost = [1 - dice for dice in second.picture_dice]
    assert difference.pictures.difference == pytest.approx(np.mean(lost))
    assert difference.pictures.p < 0.05
    assert 0 < difference.interval.low < np.mean(lost) < difference.interval.high
    assert difference.runs is not None
    assert difference.runs.difference == pytest.approx(1 - poor.network.dice)
    assert difference.runs_interval is not None
    assert difference.runs_interval.low == pytest.approx(1 - poor.network.dice)  # both pairs of runs differ by as much
    notes = comparison_tables([first, second])[-1].notes
    assert notes[-1].startswith("of runs, minus poor: between ")
    assert difference_between(first, Contender("once", (poor,))).runs is None


def test_every_convention_has_its_table_and_a_heading_for_each_figure(data: Path) -> None:
    contenders = contenders_of(["a", "b"], [run_of(data, 80), run_of(data, 160)], [1, 2])
    tables = comparison_tables(contenders)
    assert len(tables) == 6
    pooled, per_image, macro = tables[:3]
    assert (pooled.columns[2], per_image.columns[2], macro.columns[1]) == ("Dice", "Dice", "mIoU")
    b = contenders[1].runs[0]
    for table, key, column in (
        (pooled, "pooled_dice", 2),
        (per_image, "per_image_mean_dice", 2),
        (macro, "macro_iou", 1),
    ):
        cell = table.rows[1][column]
        assert isinstance(cell, Summary)
        assert cell.mean == pytest.approx(SCORES[key].of(b))


def test_conventions_disagree_on_the_same_masks(data: Path) -> None:
    scores = scores_of(run_of(data, 160))
    four = [scores[key] for key in ("pooled_dice", "per_image_mean_dice", "macro_dice", "photo_pooled_dice")]
    assert len({round(score, 4) for score in four[:3]}) == 3
    assert scores["mean_iou_lesion_background"] == pytest.approx(scores["macro_iou"])  # of two classes
    assert scores["batch_mean_dice_32"] == pytest.approx(scores["pooled_dice"])  # one batch holds them all


def test_a_paper_s_table_marks_what_is_printed_and_what_is_misprinted(data: Path) -> None:
    contenders = contenders_of(["ours"], [run_of(data, 80)], [159_439])
    table = comparison_tables(contenders, PAPER_TABLES["scsonet"])[0]
    assert table.columns == ("model", "params M", "GMACs", "mIoU", "DSC")
    assert table.rows[0][:4] == ("UNet (as printed)", 7.77, 13.76, 0.7813)
    assert table.rows[-1][:3] == ("ours", 0.159439, None)
    assert "UNet, as printed: IoU 0.7813 implies Dice 0.8772, not 0.8699" in table.notes


def test_a_model_that_finds_nothing_has_its_place_in_every_table(data: Path) -> None:
    nothing = run_of(data, 0)
    contenders = contenders_of(["good", "none", "none"], [run_of(data, 80), nothing, nothing], [None] * 3)
    text = text_of(comparison_tables(contenders))
    assert "inf" in text
    assert "nan" not in text


def test_runs_of_two_networks_are_not_taken_together(data: Path) -> None:
    run = run_of(data, 80)
    with pytest.raises(InputError, match="runs of 'a' together: they tell other classes apart or have other numbers"):
        contenders_of(["a", "b", "a"], [run, run, run], [10, None, 20])
    bundle_too = contenders_of(["a", "a"], [run, run], [10, None])  # a bundle does not say how many
    assert len(bundle_too[0].runs) == 2


def test_runs_on_other_pictures_are_refused(data: Path) -> None:
    whole = run_of(data, 80)
    part = evaluate(Segmenter(CONTRACT, DarkEngine(80)), pairs(data)[:2])
    with pytest.raises(InputError, match="not scored on the same pictures"):
        contenders_of(["a", "b"], [whole, part], [None, None])


class TestCommand:
    def call(self, *arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    def test_two_models_without_compare_are_refused_with_the_option(self, data: Path, checkpoint: str) -> None:
        result = self.call(checkpoint, checkpoint, "--data", data)
        assert result.exit_code == 2
        assert "one by one: add --compare" in result.stderr

    def test_compare_writes_its_tables_in_every_format(self, data: Path, checkpoint: str, tmp_path: Path) -> None:
        output = tmp_path / "comparison"
        labels = [f"first={checkpoint}", f"second={checkpoint}", f"second={checkpoint}"]
        result = self.call("--compare", *labels, "--data", data, "-o", output, "--json")
        document = json.loads(result.stdout)
        assert [model["label"] for model in document["models"]] == ["first", "second"]
        assert [len(model["runs"]) for model in document["models"]] == [1, 2]
        assert document["models"][0]["parameters"] == sum(
            p.numel() for p in networks.create("unet", base=4).parameters()
        )
        assert document["differences"][0]["pictures"] == {"difference": 0.0, "t": None, "p": None, "count": 4}
        names = {path.name for path in output.iterdir()}
        tables = {"comparison.txt", "comparison.md", "comparison.csv", "comparison.json"}
        assert names == {*tables, "pictures.csv", "ranks.png"}
        assert {Path(path).name for path in document["files"]} == names
        with (output / "pictures.csv").open() as file:
            assert [row["name"] for row in csv.DictReader(file)] == ["p0", "p1", "p2", "p3"]
        assert len(json.loads((output / "comparison.json").read_text())["tables"]) == 6

    def test_two_runs_whose_weights_have_one_name_are_two_models(self, data: Path, checkpoint: str) -> None:
        folders = [Path(checkpoint).parent / run for run in ("one", "two")]
        for folder in folders:  # as skinseg-train leaves them
            folder.mkdir(exist_ok=True)
            (folder / "best.safetensors").write_bytes(Path(checkpoint).read_bytes())
        result = self.call("--compare", *(folder / "best.safetensors" for folder in folders), "--data", data, "--json")
        models = json.loads(result.stdout)["models"]
        assert [(model["label"], len(model["runs"])) for model in models] == [
            ("one/best.safetensors", 1),
            ("two/best.safetensors", 1),
        ]

    def test_a_model_twice_without_a_label_is_refused_with_the_way_out(self, data: Path, checkpoint: str) -> None:
        for models in ([checkpoint, checkpoint], [f"{checkpoint}=other", checkpoint, checkpoint]):
            result = self.call("--compare", *models, "--data", data)
            assert result.exit_code == 2
            assert f"write LABEL={checkpoint} to name it" in " ".join(result.stderr.split())

    def test_tables_fit_80_columns(self, data: Path, checkpoint: str) -> None:
        result = self.call("--compare", f"a={checkpoint}", f"a={checkpoint}", f"b={checkpoint}", "--data", data)
        assert result.exit_code == 0
        assert "sd, 2 runs" in result.stdout
        assert max(len(line) for line in result.stdout.splitlines() if "│" in line) <= 80

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ("markdown", "| SCSONet (as printed) | 0.1490 | 0.0560 | 0.8099 | 0.8950 |"),
            ("csv", "SCSONet (as printed),0.149,"),
        ],
    )
    def test_a_paper_s_rows_stand_beside_one_model(self, data: Path, checkpoint: str, form: str, words: str) -> None:
        result = self.call(checkpoint, "--data", data, "--paper", "scsonet", "--format", form)
        assert result.exit_code == 0
        assert words in result.stdout

    def test_format_json_is_json(self, data: Path, checkpoint: str) -> None:
        result = self.call(checkpoint, "--data", data, "--format", "json")
        document = json.loads(result.stdout)
        assert document["ok"] is True
        assert document["classes"] == ["background", "lesion"]
        assert math.isclose(document["scores"]["pooled_dice"], document["network_size"]["dice"])
        assert set(document["scores"]) == set(SCORES)

    def test_the_decision_is_written_down(self, data: Path, checkpoint: str) -> None:
        result = self.call(checkpoint, "--data", data, "--decision", "above", "--json")
        assert json.loads(result.stdout)["decision"] == "above"

    def test_an_unknown_paper_is_answered_with_the_list(self, data: Path, checkpoint: str) -> None:
        result = self.call(checkpoint, "--data", data, "--paper", "scsonett")
        assert result.exit_code == 2
        assert "ulffn" in result.stderr
