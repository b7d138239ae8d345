"""When two visits may be compared, and what counts as a change."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_demo.following.change import compare
from skinseg_demo.following.measured import LEAST_OUTLINE_ERROR, Measured, Range, Trouble, measured
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Picture
from tests.demo_app.drawn_visits import add_drawn, result_of

_FINE = Measured(
    outlines=(),
    count=1,
    trouble=None,
    diameter_mm=Range(6.0, 5.7, 6.3),
    area_mm2=Range(28.0, 25.0, 31.0),
    model="scsonet 1",
)


def _with_diameter(value: float, error: float) -> Measured:
    return replace(_FINE, diameter_mm=Range(value, value - error, value + error))


def _discs(*radii: int) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:100, :300]
    discs = [(rows - 50) ** 2 + (columns - 50 - 100 * at) ** 2 <= r**2 for at, r in enumerate(radii)]
    return np.asarray(np.logical_or.reduce(discs), np.bool_)


def _picture(store: Store, mask: NDArray[np.bool_], error: float | None = 0.02) -> Picture:
    return add_drawn(store, None, changes=result_of(mask, error))


@pytest.mark.parametrize(
    ("second", "error", "is_beyond"),
    [(6.0, 0.3, False), (6.5, 0.3, False), (6.7, 0.3, True), (5.3, 0.3, True), (9.0, 3.0, False)],
)
def test_a_change_counts_where_the_ranges_lie_apart(second: float, error: float, is_beyond: bool) -> None:
    change = compare(_with_diameter(6.0, 0.3), _with_diameter(second, error)).changes[0]

    assert change.is_beyond_error == is_beyond
    assert change.difference.value == pytest.approx(second - 6.0)
    assert change.difference.high - change.difference.low == pytest.approx(2 * (0.3 + error))


def test_diameter_and_area_are_judged_apart() -> None:
    larger = replace(_FINE, area_mm2=Range(40.0, 36.0, 44.0))

    figures = {change.figure: change.is_beyond_error for change in compare(_FINE, larger).changes}

    assert figures == {"diameter": False, "area": True}


@pytest.mark.parametrize("trouble", ["unusable", "corrected", "none", "several", "cut", "no_scale"])
def test_what_has_a_trouble_is_not_compared_and_says_which(trouble: Trouble) -> None:
    found = compare(_FINE, replace(_FINE, trouble=trouble))

    assert (found.changes, found.why_not) == ((), (None, trouble))


def test_a_visit_without_a_closeup_is_not_compared() -> None:
    assert compare(None, _FINE).why_not == ("no_closeup", None)


def test_a_steep_card_and_another_model_are_told_and_do_not_forbid() -> None:
    found = compare(replace(_FINE, is_steep=True), replace(_FINE, model="scsonet 2"))

    assert found.cautions == ("steep", "other_model")
    assert len(found.changes) == 2


def test_the_range_of_a_diameter_holds_the_scale_and_the_outline(store: Store) -> None:
    found = measured(_picture(store, _discs(40), error=0.02))

    assert found.trouble is None
    assert found.diameter_mm is not None
    # A disc of radius 40 px is 81 px wide at 0.08 mm each; the outline's band of 1 px is less than the least error.
    assert found.diameter_mm.value == pytest.approx(81 * 0.08, abs=0.1)
    assert found.diameter_mm.low / found.diameter_mm.value == pytest.approx(0.98 * (1 - LEAST_OUTLINE_ERROR), abs=1e-3)
    assert found.diameter_mm.high / found.diameter_mm.value == pytest.approx(1.02 * (1 + LEAST_OUTLINE_ERROR), abs=1e-3)
    assert found.mm_per_px == pytest.approx(0.08, rel=1e-3)


def test_a_wide_band_widens_the_range(store: Store) -> None:
    document = result_of(_discs(20), 0.02)
    document["band"] = {"inner": document["outlines"], "outer": result_of(_discs(26), 0.02)["outlines"]}

    found = measured(add_drawn(store, None, changes=document))

    assert found.area_mm2 is not None
    share = math.sqrt((26 / 20) ** 2) - 1
    assert found.area_mm2.high / found.area_mm2.value == pytest.approx(1.02**2 * (1 + 2 * share), rel=0.03)


@pytest.mark.parametrize(
    ("radii", "expected"),
    [((), "none"), ((30, 30), "several"), ((30, 4), None), ((60,), "cut")],
    ids=["nothing", "two lesions", "a speck beside it", "cut by the border"],
)
def test_the_trouble_of_a_picture_is_read_from_its_lesions(
    store: Store, radii: tuple[int, ...], expected: str | None
) -> None:
    mask = _discs(*radii) if radii else np.zeros((100, 300), np.bool_)

    assert measured(_picture(store, mask)).trouble == expected


def test_without_a_scale_there_are_pixels_and_no_millimetres(store: Store) -> None:
    found = measured(_picture(store, _discs(30), error=None))

    assert (found.trouble, found.diameter_mm, found.area_mm2) == ("no_scale", None, None)
    assert found.diameter_px == pytest.approx(61, abs=1)


@pytest.mark.parametrize(("kind", "expected"), [("unusable", "unusable"), ("redraw", "corrected")])
def test_what_a_person_said_of_the_outline_counts(store: Store, kind: str, expected: str) -> None:
    picture = _picture(store, _discs(30))
    drawn = [] if kind == "unusable" else [[[0.1, 0.1], [0.2, 0.1], [0.2, 0.3]]]
    store.corrections.add(picture.id, kind, drawn)  # type: ignore[arg-type]  # one of its literals

    found = measured(picture, store.corrections.of_picture(picture.id))

    assert found.trouble == expected
    assert found.outlines == (((0.1, 0.1), (0.2, 0.1), (0.2, 0.3)),) or kind == "unusable"


@pytest.mark.parametrize(
    "document",
    [{}, {"lesions": None, "outlines": 3}, {"lesions": [{"area_px": "9"}], "band": []}, {"outlines": [[["a", 1]]]}],
)
def test_a_result_that_lacks_something_is_no_fault(store: Store, document: dict[str, object]) -> None:
    picture = add_drawn(store, None)

    assert measured(replace(picture, result=document)).trouble in {"none", "no_scale"}
