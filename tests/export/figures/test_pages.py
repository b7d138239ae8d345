"""The files that an evaluation leaves, of a network with one map and of one with six classes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ToolMissing
from skinseg_export.figures import write_figures
from skinseg_export.figures.cases import case_of, outlined, tinted
from skinseg_export.figures.failures import failures_png
from skinseg_export.figures.palette import FOUND, TRUTH
from skinseg_export.figures.panels import spread_of
from tests.export.figures.scored import ONE, SIX, picture_of, scored


@pytest.mark.parametrize("contract", [ONE, SIX], ids=["one map", "six classes"])
def test_every_figure_is_a_picture_with_something_on_it(tmp_path: Path, contract: ModelContract) -> None:
    segmenter, evaluation = scored(tmp_path, contract)
    classes = len(contract.classes)
    network = nn.Sequential(nn.Conv2d(3, 7, 3, padding=1), nn.ReLU(), nn.Conv2d(7, 7, 3), nn.Conv2d(7, classes, 1))

    paths = write_figures(tmp_path, segmenter, evaluation, worst=3, network=network)

    names = ["worst.png", "panels.png", "confusion.png", "roc.png", "calibration.png", "attention.png"]
    assert [path.name for path in paths] == names
    for path in paths:
        page = picture_of(path.read_bytes())
        assert min(page.shape[:2]) > 300
        assert (page != 255).any(2).mean() > 0.03
        assert (page[:4] == 255).all()  # nothing is cut off at the top
        assert (page[:, -2:] == 255).all()  # nor on the right


def test_the_same_sheet_has_the_same_bytes(tmp_path: Path) -> None:
    segmenter, evaluation = scored(tmp_path, ONE)
    once, again = (failures_png(segmenter, evaluation.worst(1)) for _ in range(2))
    assert once == again


def test_a_missing_matplotlib_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter, evaluation = scored(tmp_path, ONE)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ToolMissing, match=r"matplotlib is missing; install it with pip install 'skinseg-edge\[export\]'"
    ):
        failures_png(segmenter, evaluation.worst(1))


def test_the_spread_goes_from_the_worst_to_the_best_and_names_each_picture_once(tmp_path: Path) -> None:
    _, evaluation = scored(tmp_path, ONE)

    spread = spread_of(evaluation)

    assert [score.pair.name for score in spread.values()] == ["missed", "half", "large", "whole"]
    assert (next(iter(spread)), list(spread)[-1]) == ("worst", "best")


def test_a_case_shows_both_outlines_and_tints_only_what_is_no_background(tmp_path: Path) -> None:
    segmenter, evaluation = scored(tmp_path, ONE)
    half = next(score for score in evaluation.pictures if score.pair.name == "half")

    case = case_of(segmenter, half, 64)

    assert case.truth_lesion.sum() == 24 * 24
    assert case.found_lesion.sum() == pytest.approx(12 * 24, rel=0.1)
    tints = tinted(case.photo, case.truth, ONE, TRUTH)
    assert np.array_equal((tints != case.photo).any(2), case.truth == 1)
    drawn = outlined(case).astype(int)
    assert np.abs(drawn[19:21, 30] - TRUTH).sum(1).min() < 150  # the upper edge is drawn and not found
    assert np.abs(drawn[30:34, 30] - FOUND).sum(1).min() < 150


@pytest.mark.parametrize(
    ("name", "words"), [("missed", "nothing found"), ("half", "too little"), ("large", "too much"), ("whole", "good")]
)
def test_the_caption_says_what_went_wrong(tmp_path: Path, name: str, words: str) -> None:
    from skinseg_export.figures.failures import _fault

    _, evaluation = scored(tmp_path, ONE)
    assert _fault(next(score for score in evaluation.pictures if score.pair.name == name)) == words
