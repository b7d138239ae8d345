"""What a report takes out of the store."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from skinseg_demo.report.from_store import report_case
from skinseg_demo.report.paper_words import PaperWords
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Picture, PictureRole
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.errors import FileMissing
from tests.demo_app.browsers import HandClock

_SAY = PaperWords("en").say
_LESION: dict[str, object] = {
    "area_px": 5000,
    "max_diameter_px": 90.0,
    "min_diameter_px": 70.0,
    "perimeter_px": 260.0,
    "max_diameter_mm": 9.0,
    "min_diameter_mm": 7.0,
    "perimeter_mm": 26.0,
    "area_mm2": 50.0,
    "compactness": 1.1,
    "asymmetry": 0.1,
    "touches_border": False,
    "ranges": {"max_diameter_mm": [8.8, 9.2], "area_mm2": [48.0, 52.0]},
    "scale": {"source": "card 3, 4 markers, print not measured", "relative_error": 0.062, "tilt_degrees": 4.0},
}
_RESULT: dict[str, object] = {
    "schema": "skinseg.demo.result/1",
    "outlines": [[[0.3, 0.3], [0.7, 0.3], [0.5, 0.8]]],
    "lesions": [_LESION],
    "scale": {"source": "card 3", "relative_error": 0.06, "tilt_degrees": 4.0},
    "scale_why": None,
    "quality": {"verdict": "poor", "findings": [{"name": "blur", "sentence": "The picture is blurred."}]},
    "model": {
        "name": "scsonet",
        "version": "1.0.0",
        "bundle_sha256": "ef" * 32,
        "engine": "onnxruntime-cpu",
        "precision": "fp16",
        "fallback": None,
    },
}


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    """An empty store."""
    made = Store.open(tmp_path / "store", now=clock)
    yield made
    made.close()


def _add(store: Store, visit_id: str, role: PictureRole, result: dict[str, object] = _RESULT) -> Picture:
    is_encoded, data = cv2.imencode(".jpg", draw(5, (96, 128)).photo[:, :, ::-1])
    assert is_encoded
    jpeg = data.tobytes()
    sha256 = hashlib.sha256(jpeg).hexdigest()
    return store.pictures.add(
        visit_id,
        role,
        original=jpeg,
        extension="jpg",
        sha256=sha256,
        received_sha256=sha256,
        hw=(96, 128),
        working_jpeg=jpeg,
        mask_png=b"mask",
        result=result,
        verdict="good",
        sent_anyway=False,
    )


def test_the_last_visit_is_told_with_its_pictures_figures_and_ticks(store: Store, clock: HandClock) -> None:
    case = store.cases.create({"body_site": "left heel", "history": {"grown": True, "bled": False, "itches": None}})
    first = store.visits.add(case.id)
    _add(store, first.id, "closeup")
    clock.wind(days=90)
    visit = store.visits.add(case.id)
    _add(store, visit.id, "overview")
    closeup = _add(store, visit.id, "closeup")

    told = report_case(store, case.id, _SAY, contact="ward 3")

    assert (told.number, told.visit, told.visits, told.contact) == ("2026-0001", 2, 2, "ward 3")
    assert (told.body_site, told.history, told.checklist) == ("left heel", (_SAY("cases.tick.grown"),), ())
    assert told.overview is not None
    assert told.closeup is not None
    assert (told.closeup.sha256, told.closeup.taken_at) == (closeup.sha256, clock())
    assert told.outlined is not None
    assert told.outlined != told.closeup.jpeg
    [lesion] = told.lesions
    assert [(one.name, one.value, one.unit, one.ends) for one in lesion.measures] == [
        ("max_diameter", 9.0, "mm", (8.8, 9.2)),
        ("min_diameter", 7.0, "mm", None),
        ("area", 50.0, "mm²", (48.0, 52.0)),
        ("perimeter", 26.0, "mm", None),
        ("compactness", 1.1, "", None),
        ("asymmetry", 0.1, "", None),
    ]
    # where the lesion lies, not at the card
    assert told.scale is not None
    assert told.scale.relative_error == 0.062
    assert told.quality == ("The picture is blurred.",)
    assert told.model is not None
    assert told.model.engine == "onnxruntime-cpu"


def test_another_visit_is_told_when_it_is_named(store: Store) -> None:
    case = store.cases.create({})
    first, _ = store.visits.add(case.id), store.visits.add(case.id)

    assert report_case(store, case.id, _SAY, visit_id=first.id).visit == 1
    with pytest.raises(FileMissing, match="this case has no such visit"):
        report_case(store, case.id, _SAY, visit_id="another")


def test_a_visit_without_pictures_yet_does_not_hide_the_one_before(store: Store) -> None:
    case = store.cases.create({})
    _add(store, store.visits.add(case.id).id, "closeup")
    store.visits.add(case.id)

    told = report_case(store, case.id, _SAY)

    assert (told.visit, told.visits) == (1, 2)
    assert told.closeup is not None


def test_a_case_without_pictures_makes_a_report_all_the_same(store: Store) -> None:
    case = store.cases.create({})

    told = report_case(store, case.id, _SAY)

    assert (told.overview, told.closeup, told.outlined, told.lesions, told.model) == (None, None, None, (), None)


def test_without_a_scale_figures_are_in_pixels_and_it_is_told_why(store: Store) -> None:
    in_px = {name: value for name, value in _LESION.items() if "_mm" not in name and name != "scale"}
    result = _RESULT | {"lesions": [in_px], "scale": None, "scale_why": "no marker was seen"}
    case = store.cases.create({})
    _add(store, store.visits.add(case.id).id, "closeup", result)

    told = report_case(store, case.id, _SAY)

    [lesion] = told.lesions
    assert [one.unit for one in lesion.measures] == ["px", "px", "px²", "px", "", ""]
    assert (told.scale, told.scale_problem) == (None, "no marker was seen")


def test_an_outline_drawn_by_hand_is_shown_without_figures_and_an_unusable_one_not_at_all(store: Store) -> None:
    case = store.cases.create({})
    closeup = _add(store, store.visits.add(case.id).id, "closeup")
    before = report_case(store, case.id, _SAY).outlined
    store.corrections.add(closeup.id, "redraw", [[[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]])

    by_hand = report_case(store, case.id, _SAY)
    store.corrections.add(closeup.id, "unusable")
    unusable = report_case(store, case.id, _SAY)

    assert (by_hand.outline_by, by_hand.lesions) == ("hand", ())
    assert by_hand.outlined not in (None, before)
    assert (unusable.outline_by, unusable.outlined, unusable.lesions) == ("unusable", None, ())


def test_a_deleted_case_has_no_report(store: Store) -> None:
    case = store.cases.create({})
    store.cases.delete(case.id)

    with pytest.raises(FileMissing, match="cannot find this case"):
        report_case(store, case.id, _SAY)
