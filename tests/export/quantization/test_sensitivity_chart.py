"""The chart of sensitivity at its edges: few layers and many, long names, restored ones, noise below zero."""

import sys

import numpy as np
import pytest

from skinseg_edge.errors import ToolMissing
from skinseg_export.quantization.sensitivity import LayerSensitivity, Sensitivity
from skinseg_export.quantization.sensitivity_chart import sensitivity_png
from tests.export.figures.scored import picture_of

AMBER, TEAL, BAND = (255, 196, 61), (47, 111, 115), (251, 233, 225)


def sensitivity_of(losses: list[float], gains: list[float], name: str = "encoder{}.block.grouped") -> Sensitivity:
    pairs = enumerate(zip(losses, gains, strict=True))
    layers = tuple(LayerSensitivity(name.format(i), loss, gain, 100) for i, (loss, gain) in pairs)
    return Sensitivity(layers, 0.97, 0.999)


def rows_with(page: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", colour: tuple[int, int, int]) -> int:
    """Count the bars of *colour*: runs of rows with more of it than a swatch of the legend is wide."""
    wide = np.concatenate([[False], (page == colour).all(2).sum(1) > 40])
    return int((wide[1:] & ~wide[:-1]).sum())


@pytest.mark.parametrize("count", [1, 3, 42, 60])
def test_every_layer_has_a_bar_of_each_colour_and_all_stays_on_the_page(count: int) -> None:
    figures = np.linspace(0.02, 0.01, count).tolist()
    page = picture_of(sensitivity_png(sensitivity_of(figures, figures)))
    assert rows_with(page, AMBER) == rows_with(page, TEAL) == count
    for edge in (page[:3], page[-3:], page[:, :3], page[:, -3:]):
        assert (edge == 255).all()


def test_a_bar_is_as_long_as_its_figure() -> None:
    page = picture_of(sensitivity_png(sensitivity_of([0.02, 0.005], [0.01, 0.01])))
    longest = [(page == colour).all(2).sum(1).max() for colour in (AMBER, TEAL)]
    assert longest[1] / longest[0] == pytest.approx(0.5, abs=0.01)


def test_long_names_keep_their_end_and_do_not_widen_the_page_without_end() -> None:
    name = "decoder." + 30 * "stage." + "convolution{}"
    page = picture_of(sensitivity_png(sensitivity_of([0.02, 0.01], [0.02, 0.01], name)))
    assert page.shape[1] < 1100
    assert (page[:, :3] == 255).all()


def test_two_layers_that_differ_in_the_end_of_a_long_name_look_different() -> None:
    name = "decoder." + 30 * "stage." + "convolution"
    first, second = (sensitivity_png(sensitivity_of([0.02], [0.02], name + end)) for end in ("1", "2"))
    assert first != second


def test_short_names_leave_the_legend_its_room() -> None:
    page = picture_of(sensitivity_png(sensitivity_of([0.02, 0.01], [0.02, 0.01], "c{}"), restored=("c0",)))
    assert (page[:, -3:] == 255).all()


def test_restored_layers_are_marked_and_others_are_not() -> None:
    sensitivity = sensitivity_of([0.03, 0.02, 0.01], [0.03, 0.02, 0.01])
    marked = picture_of(sensitivity_png(sensitivity, restored=("encoder1.block.grouped",)))
    plain = picture_of(sensitivity_png(sensitivity))
    band = (marked == BAND).all(2).sum(1) > 100
    assert 15 <= band.sum() <= 25  # one row of 22 px
    assert not (plain == BAND).all(2).any()


def test_figures_below_zero_are_drawn_to_the_left() -> None:
    page = picture_of(sensitivity_png(sensitivity_of([0.02, -0.01], [0.02, -0.01])))
    amber = (page == AMBER).all(2)
    bars = [np.flatnonzero(row) for row in amber if row.sum() > 100]
    assert bars[-1].max() <= bars[0].min()


def test_damage_that_is_all_rounding_noise_looks_small() -> None:
    page = picture_of(sensitivity_png(sensitivity_of([1e-6, 0.0], [0.0, 1e-6])))
    assert rows_with(page, AMBER) == rows_with(page, TEAL) == 0


def test_a_figure_that_is_rounded_to_nothing_has_no_sign() -> None:
    assert sensitivity_png(sensitivity_of([0.1, -1e-9], [0.1, 0.0])) == sensitivity_png(
        sensitivity_of([0.1, 0.0], [0.1, 0.0])
    )


def test_a_chart_needs_a_layer() -> None:
    with pytest.raises(ValueError, match="got no layer, expected at least one"):
        sensitivity_png(Sensitivity((), 1.0, 1.0))


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ToolMissing, match="pip install"):
        sensitivity_png(sensitivity_of([0.1], [0.1]))
