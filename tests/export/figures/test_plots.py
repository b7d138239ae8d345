"""Matrix, ranks, colours and words of the figures, at their edges."""

import numpy as np
import pytest

from skinseg_edge.confusion import ConfusionMatrix
from skinseg_edge.contract import ModelContract
from skinseg_export.evaluation import Evaluation
from skinseg_export.figures.canvas import shortened, text_width_px, words
from skinseg_export.figures.confusion import confusion_png
from skinseg_export.figures.palette import line_colours
from skinseg_export.figures.ranks import ranks_of, ranks_png
from skinseg_export.figures.roc import roc_png
from skinseg_export.figures.sheet import Tile, sheet_png
from skinseg_export.probability_histograms import BINS, ProbabilityHistogram
from tests.export.figures.scored import picture_of


@pytest.mark.parametrize("classes", [2, 6, 20])
def test_a_matrix_of_any_size_keeps_its_names_inside(classes: int) -> None:
    counts = np.arange(classes * classes).reshape(classes, classes)
    names = [f"a class with a long name, number {number}" for number in range(classes)]

    page = picture_of(confusion_png(ConfusionMatrix(counts), names))

    for edge in (page[:3], page[-3:], page[:, :3], page[:, -3:]):
        assert (edge == 255).all()


def test_the_diagonal_of_a_good_network_is_dark_and_the_rest_pale() -> None:
    page = picture_of(confusion_png(ConfusionMatrix(np.array([[100, 0], [0, 100]])), ("skin", "lesion")))
    dark = page.sum(2) < 200
    rows, columns = np.flatnonzero(dark.sum(1) > 40), np.flatnonzero(dark.sum(0) > 40)
    assert len(rows) > 150
    assert dark[rows[10], columns[10]]
    assert not dark[rows[10], columns[-40]]


def test_a_matrix_needs_a_name_a_class() -> None:
    with pytest.raises(ValueError, match="got 1 names for 2 classes"):
        confusion_png(ConfusionMatrix(np.eye(2, dtype=np.int64)), ("skin",))


def test_ranks_follow_the_direction_of_each_score_and_equals_share_theirs() -> None:
    values = np.array([[0.9, 3.0, 0.5], [0.7, 1.0, 0.5], [0.8, 2.0, np.nan]])
    ranks = ranks_of(values, (False, True, False))
    assert ranks[:, :2].tolist() == [[1, 3], [3, 1], [2, 2]]
    assert ranks[:2, 2].tolist() == [1.5, 1.5]
    assert np.isnan(ranks[2, 2])


@pytest.mark.parametrize("models", [1, 2, 9])
def test_the_heat_map_of_ranks_keeps_within_its_page(models: int) -> None:
    values = np.linspace(0, 1, models * 3).reshape(models, 3)
    values[0, 1] = np.nan
    names = [f"network number {number}" for number in range(models)]
    page = picture_of(ranks_png(names, ("IoU", "Dice", "HD95"), values, (False, False, True)))
    assert (page[:, -3:] == 255).all()
    assert page.shape[0] > 40 * models


def test_ranks_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(1, 2\) values and 1 directions for 2 models and 2 scores"):
        ranks_png(("a", "b"), ("x", "y"), np.zeros((1, 2)), (True,))


def test_no_line_is_too_bright_for_white_paper() -> None:
    colours = [tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in line_colours(12)]
    luminance = np.array(colours) @ np.array([0.2126, 0.7152, 0.0722]) / 255
    assert luminance.max() < 0.53
    assert len(set(colours)) == 12


def test_names_may_hold_dollar_signs_and_letters_that_no_font_has() -> None:
    title = "$x_{ \u9762\u76ae \U0001f9ec"
    assert words(title) == "\\$x_{ ?? ?"
    page = sheet_png(
        [[Tile(np.zeros((20, 30, 3), np.uint8), title)]], side=30, title=title, legend=[(title, (1, 2, 3))]
    )
    assert picture_of(page).shape[1] == 480


def test_a_long_caption_ends_in_an_ellipsis_within_its_width() -> None:
    text = "ISIC_0012345 and a very long name behind it"
    short = shortened(text, 100, 9)
    assert short.endswith("…")
    assert text_width_px(short, 9) <= 100
    assert shortened("short", 100, 9) == "short"


@pytest.mark.parametrize("classes", [8, 20])
def test_curves_of_many_classes_leave_room_for_their_names(classes: int) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(BINS)
    histograms = [
        ProbabilityHistogram(rng.poisson(1 + steps / (k + 1)), rng.poisson(1 + steps[::-1] / 9))
        for k in range(classes - 1)
    ]
    never_drawn = ProbabilityHistogram.empty()
    names = tuple(f"part of the body {number}" for number in range(classes))
    evaluation = Evaluation(
        pictures=(),
        contract=ModelContract(input_hw=(32, 32), classes=names),
        decision="argmax",
        lesion_probability=never_drawn,
        class_probabilities=(*histograms, never_drawn),
        confidence=ProbabilityHistogram.empty(),
    )

    page = picture_of(roc_png(evaluation))

    assert (page[:, -3:] == 255).all()
    assert page.shape[1] > 1100
