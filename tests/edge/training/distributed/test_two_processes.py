"""Two processes, started as by torchrun, train what one trains: the same curve and weights, from either to other.

What one sums at once, two sum in another order, so float32 results differ in their last bits. Measured over the twelve
steps here: losses to 3e-7, weights to 1.2e-6 of the largest of their tensor. A rounding to 8 bits that falls to the
other side is a whole step: there losses to 2.4e-6, weights to 5.4e-5.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.edge.training.distributed.drawn_data import draw_data
from tests.edge.training.distributed.jobs import trained
from tests.edge.training.distributed.torchrun import started_alone

pytestmark = pytest.mark.slow

_SAME = ("normed", "taught", "quantized", "in parts")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with drawn pictures, masks, lists and the weights of a first run on them."""
    root = tmp_path_factory.mktemp("drawn")
    draw_data(root)
    trained("normed", root, root / "first")
    shutil.copy(root / "first" / "normed" / "best.safetensors", root)
    shutil.rmtree(root / "first")
    return root


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train in one process and in two, once from one to two and once from two to one."""
    root = tmp_path_factory.mktemp("runs")
    for name in (*_SAME, "whole"):
        trained(name, data, root / "one")
    trained("normed", data, root / "one, then two", epochs=2)
    _spoil(data, root)
    script = Path(__file__).with_name("two_processes.py")
    processes = started_alone(2, script, data, root)
    try:
        for process in processes:
            _, told = process.communicate(timeout=300)
            assert process.returncode == 0, told
            assert "Warning" not in told
    finally:
        for process in processes:
            process.kill()  # one that fails leaves the other waiting
    trained("normed", data, root / "two, then one")
    return root


def _spoil(data: Path, root: Path) -> None:
    """Copy *data* with a picture of the second process damaged, and once more with one picture less."""
    shutil.copytree(data, root / "damaged")
    (root / "damaged" / "images" / "lesion03.png").write_bytes(b"no picture")
    shutil.copytree(data, root / "fewer")
    (root / "fewer" / "train.txt").write_text("\n".join(f"lesion{i:02}" for i in range(15)))


def _column(run: Path, number: int) -> list[float]:
    return [float(line.split(",")[number]) for line in (run / "log.csv").read_text().splitlines()[1:]]


def _state(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "state.pt", weights_only=True)["network"]
    return state


def _furthest(first: Path, second: Path) -> float:
    """Return the largest difference of two runs' weights, as a part of the largest weight of its tensor."""
    ours, theirs = _state(first), _state(second)
    assert ours.keys() == theirs.keys()
    return max(
        float((ours[name].double() - theirs[name]).abs().max() / theirs[name].double().abs().max()) for name in ours
    )


def _check_same(first: Path, second: Path, *, losses: float = 1e-5, weights: float = 2e-5) -> None:
    assert _column(second, 3) == pytest.approx(_column(first, 3), rel=losses)
    assert _column(second, 4) == pytest.approx(_column(first, 4), abs=1e-3)  # Dice: pixels near the threshold may turn
    assert _furthest(first, second) < weights


@pytest.mark.parametrize("name", ["normed", "taught", "in parts"])
def test_two_processes_follow_the_curve_of_one_to_the_same_weights(runs: Path, name: str) -> None:
    assert _column(runs / "one" / name, 3)[0] != _column(runs / "one" / name, 3)[-1]
    _check_same(runs / "one" / name, runs / "two" / name)


def test_two_processes_round_to_8_bits_over_the_ranges_of_both(runs: Path) -> None:
    _check_same(runs / "one" / "quantized", runs / "two" / "quantized", losses=1e-4, weights=1e-3)


@pytest.mark.parametrize("name", ["one, then two", "two, then one"])
def test_a_run_goes_on_with_another_number_of_processes(runs: Path, name: str) -> None:
    _check_same(runs / "one" / "normed", runs / name / "normed")


def test_a_batch_in_parts_makes_the_step_of_the_whole_batch(runs: Path) -> None:
    _check_same(runs / "one" / "whole", runs / "one" / "in parts")


@pytest.mark.parametrize(
    ("case", "words"),
    [("nowhere", r"skinseg-train: cannot .*nowhere.*\n"), ("full", r"skinseg-train: cannot .*full.*\n")],
)
def test_what_fails_in_one_process_alone_is_said_by_the_first_and_by_no_other(
    runs: Path, case: str, words: str
) -> None:
    said = [json.loads((runs / f"said-{rank}.json").read_text())[case] for rank in (0, 1)]
    assert re.fullmatch(words, said[0])
    assert said[1] == ""


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("drifting", "InputError: .*running_mean of process 1 differs from that of process 0.*start one process"),
        ("damaged", r"PictureUnreadable: .*lesion03\.png"),
        ("different", "InputError: .*process 1 was started with another train_names_sha256, train_pictures than"),
        ("full", r"OSError: .*no space left for process 0"),
    ],
)
def test_what_fails_in_one_process_is_told_in_both(runs: Path, case: str, words: str) -> None:
    told = [json.loads((runs / f"told-{rank}.json").read_text())[case] for rank in (0, 1)]
    assert told[0] == told[1]
    assert re.match(words, told[0])
