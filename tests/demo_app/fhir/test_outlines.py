"""Outlines that a person corrected: measured anew, and what they replaced is withdrawn, never left standing."""

from collections.abc import Callable

import pytest

from skinseg_demo.fhir import bundle_of_case
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Picture
from tests.demo_app.drawn_visits import add_drawn
from tests.demo_app.fhir.bundles import by_status, figure, resources, valid

# Around the middle of the photo of 240 x 320 px, where the drawn lesion lies: 64 x 48 px.
_DRAWN = [[[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]]]
_AREA_MM2, _DIAMETER_MM = 64 * 48 * 0.08**2, (64**2 + 48**2) ** 0.5 * 0.08

MakePicture = Callable[..., Picture]


@pytest.fixture
def closeup(store: Store) -> MakePicture:
    """Keeps a close-up of 0.08 mm per px as the only picture of a new case."""

    def make(**changes: object) -> Picture:
        visit = store.visits.add(store.cases.create({"body_site": "right knee"}).id)
        return add_drawn(store, visit.id, changes=changes)

    return make


def _bundle(store: Store) -> dict[str, object]:
    bundle = bundle_of_case(store, store.cases.list()[0].id)
    valid(bundle)
    return bundle


def test_what_a_person_drew_is_measured_and_the_networks_figures_are_withdrawn(
    store: Store, closeup: MakePicture
) -> None:
    store.corrections.add(closeup().id, "redraw", _DRAWN)

    bundle = _bundle(store)

    drawn, withdrawn = by_status(bundle, "final"), by_status(bundle, "entered-in-error")
    assert (len(drawn), len(withdrawn)) == (6, 6)
    ((area, unit),), ((diameter, _),) = figure(drawn, "area"), figure(drawn, "max_diameter")
    assert unit == "mm2"
    # The border pixels of a filled outline belong to it: one row and one column more.
    assert area == pytest.approx(_AREA_MM2, rel=0.05)
    assert diameter == pytest.approx(_DIAMETER_MM, rel=0.03)
    assert all("by hand" in each["method"]["text"] for each in drawn)
    assert all("device" not in each for each in drawn)
    assert all("device" in each for each in withdrawn)
    assert "Withdrawn" in withdrawn[0]["note"][0]["text"]


def test_a_report_names_what_holds_alone(store: Store, closeup: MakePicture) -> None:
    store.corrections.add(closeup().id, "redraw", _DRAWN)

    bundle = _bundle(store)

    (report,) = resources(bundle, "DocumentReference")
    assert len(report["context"]["related"]) == 1 + 6


def test_every_name_that_was_sent_before_comes_again_so_that_a_server_hears_of_its_end(
    store: Store, closeup: MakePicture
) -> None:
    def names() -> set[str]:
        return {each["identifier"][0]["value"] for each in resources(_bundle(store), "Observation")}

    picture = closeup()
    before = names()
    store.corrections.add(picture.id, "redraw", _DRAWN)
    after_one = names()
    store.corrections.add(picture.id, "nudge", _DRAWN)

    assert before < after_one < names()
    assert len(by_status(_bundle(store), "final")) == 6


def test_a_picture_that_is_marked_unusable_has_no_figure_that_holds(store: Store, closeup: MakePicture) -> None:
    picture = closeup()
    store.corrections.add(picture.id, "redraw", _DRAWN)
    store.corrections.add(picture.id, "unusable")

    statuses = {each["status"] for each in resources(_bundle(store), "Observation")}

    assert statuses == {"entered-in-error"}


def test_an_outline_far_from_the_networks_is_in_pixels(store: Store, closeup: MakePicture) -> None:
    store.corrections.add(closeup().id, "redraw", [[[0, 0], [0.05, 0], [0.05, 0.05]]])

    drawn = by_status(_bundle(store), "final")

    assert figure(drawn, "area")[0][1] == "{pixels}"
    texts = [note["text"] for note in drawn[0]["note"]]
    assert "In pixels: the scale is not known where this outline was drawn." in texts
    assert "The region touches the border of the photo: the lesion may be larger." in texts


@pytest.mark.parametrize(("tilt", "unit"), [(15.0, "mm2"), (25.0, "{pixels}"), (-25.0, "{pixels}")])
def test_a_card_that_was_tilted_widens_the_range_and_a_steep_one_gives_no_millimetres(
    store: Store, closeup: MakePicture, tilt: float, unit: str
) -> None:
    picture = closeup()
    lesion = dict(picture.result["lesions"][0])  # type: ignore[index]  # a list of objects
    lesion["scale"] = lesion["scale"] | {"tilt_degrees": tilt}
    store.cases.delete(store.cases.list()[0].id)
    store.corrections.add(closeup(lesions=[lesion]).id, "redraw", _DRAWN)

    drawn = by_status(_bundle(store), "final")

    assert figure(drawn, "area")[0][1] == unit
    if unit == "mm2":
        error = drawn[0]["component"][2]["valueQuantity"]["value"]
        assert error == pytest.approx(3.0 + 1.75, abs=0.01)  # 1 / sqrt(cos 15 degrees) is 1.0175


def test_two_regions_are_counted_and_a_speck_beside_them_is_none(store: Store, closeup: MakePicture) -> None:
    two = [*_DRAWN, [[0.7, 0.4], [0.8, 0.4], [0.8, 0.5], [0.7, 0.5]]]
    speck = [[0.9, 0.9], [0.91, 0.9], [0.91, 0.91]]
    store.corrections.add(closeup().id, "redraw", [*two, speck])

    drawn = by_status(_bundle(store), "final")

    assert len(drawn) == 2 * 6
    texts = [note["text"] for note in drawn[6]["note"]]
    assert "Region 2 of 2 on this photo, counted from the largest." in texts


@pytest.mark.parametrize("change", [{"area_mm2": -1.0}, {"scale": {"relative_error": 1e308, "tilt_degrees": 1e308}}])
def test_figures_that_cannot_be_are_no_reason_to_keep_a_case_here(
    store: Store, closeup: MakePicture, change: dict[str, object]
) -> None:
    lesion = dict(closeup().result["lesions"][0])  # type: ignore[index]  # a list of objects
    store.cases.delete(store.cases.list()[0].id)
    store.corrections.add(closeup(lesions=[lesion | change]).id, "redraw", _DRAWN)

    drawn = by_status(_bundle(store), "final")

    assert figure(drawn, "area")[0][1] == "{pixels}"


def test_a_result_of_which_nothing_can_be_read_still_leaves_its_photo(store: Store, closeup: MakePicture) -> None:
    closeup(lesions=[{"area_px": "many"}, 7], model="none", quality=[], scale_why=3)

    bundle = _bundle(store)

    assert resources(bundle, "Observation") == []
    assert resources(bundle, "Device") == []
    assert len(resources(bundle, "Media")) == 1
