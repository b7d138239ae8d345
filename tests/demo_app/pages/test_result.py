"""The result's page without a browser: what it says of a picture, and what a person's choice does to it."""

import copy
import hashlib
from typing import Any

import pytest
from flask.testing import FlaskClient

from skinseg_demo.pages.result_view import ResultView, path_of
from skinseg_demo.services import Services
from skinseg_demo.store.pictures import Picture
from skinseg_demo.strings import strings_of
from skinseg_runtime.quality.limits import NAMES
from tests.demo_app.browsers import ORIGIN, post

_LESION: dict[str, Any] = {
    "centroid": [40.0, 30.0],
    "area_px": 480,
    "touches_border": False,
    "max_diameter_px": 30.4,
    "min_diameter_px": 20.0,
    "perimeter_px": 80.0,
    "max_diameter_mm": None,
    "min_diameter_mm": None,
    "perimeter_mm": None,
    "area_mm2": None,
    "asymmetry": 0.1234,
    "compactness": 1.1,
    "solidity": 0.97,
    "ranges": {},
}
_IN_MM = {"max_diameter_mm": 6.2, "min_diameter_mm": 4.1, "perimeter_mm": 16.5, "area_mm2": 120.4}
_RANGES = {"max_diameter_mm": [5.9, 6.5], "area_mm2": [109.1, 132.3]}
_RESULT: dict[str, Any] = {
    "schema": "skinseg.demo.result/1",
    "photo_hw": [60, 80],
    "outlines": [[[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]]],
    "band": {
        "margin": 0.2,
        "inner": [[[0.3, 0.3], [0.7, 0.3], [0.5, 0.7]]],
        "outer": [[[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]]],
    },
    "lesions": [_LESION],
    "scale": None,
    "scale_why": None,
    "quality": {"verdict": "good", "findings": []},
    "model": {
        "name": "scsonet",
        "version": "1.0",
        "bundle_sha256": "ab" * 32,
        "engine": "onnxruntime",
        "precision": "fp32",
        "fallback": None,
    },
    "ms": {"receive": 3.0, "decode": 20.0, "queue": 0.1, "engine": 9.0, "post": 12.0, "whole": 44.1},
}
_BLURRED = {"name": "blurred", "sentence": "the lesion looks blurred: hold still", "is_blocking": True}
_GLARE = {"name": "glare", "sentence": "it mirrors", "is_blocking": False}


def _kept(box: Services, visit: str | None = None, **changes: Any) -> Picture:
    result = copy.deepcopy(_RESULT) | changes
    original = b"a photo"
    return box.store.pictures.add(
        visit,
        "closeup",
        original=original,
        extension="jpg",
        sha256=hashlib.sha256(original).hexdigest(),
        received_sha256="0" * 64,
        hw=(60, 80),
        working_jpeg=b"smaller",
        mask_png=b"mask",
        result=result,
        verdict=result["quality"]["verdict"],
        sent_anyway=False,
    )


def _page(phone: FlaskClient, picture: Picture) -> str:
    return phone.get(f"/pictures/{picture.id}", base_url=ORIGIN).text


def test_a_path_is_in_pixels_of_the_photo_and_closed() -> None:
    assert path_of([[(0.25, 0.5), (1, 0.5), (1, 1)]], 60, 80) == "M20.0 30.0L80.0 30.0L80.0 60.0Z"


def test_figures_are_in_mm_with_their_range_only_where_there_is_a_scale() -> None:
    without = ResultView(_RESULT)
    with_scale = ResultView(
        _RESULT | {"scale": {"mm_per_px": 0.2}, "lesions": [_LESION | _IN_MM | {"ranges": _RANGES}]}
    )

    assert [(each.value, each.ends) for each in without.lesions[0].sizes] == [
        ("30 px", ""),
        ("20 px", ""),
        ("10.0 %", ""),
    ]
    expected = [("6.2 mm", "5.9 – 6.5"), ("4.1 mm", ""), ("120 mm²", "109 – 132")]
    assert [(each.value, each.ends) for each in with_scale.lesions[0].sizes] == expected
    assert without.why_no_mm == ""
    assert with_scale.why_no_mm is None


def test_what_blocks_is_named_first() -> None:
    view = ResultView(_RESULT | {"quality": {"verdict": "retake", "findings": [_GLARE, _BLURRED]}})

    assert view.reasons(strings_of("en").__getitem__) == ["The lesion looks blurred: hold still.", "It mirrors."]


@pytest.mark.parametrize("code", ["es", "fr", "hi", "sw"])
def test_every_finding_is_told_in_the_language_of_the_page(code: str) -> None:
    findings = [{"name": name, "sentence": "as the gate says it"} for name in NAMES]
    view = ResultView(_RESULT | {"quality": {"verdict": "retake", "findings": findings}})

    told = view.reasons(strings_of(code).__getitem__)

    assert len(set(told)) == len(NAMES)
    assert "As the gate says it." not in told


def test_a_finding_without_words_is_told_as_the_gate_does() -> None:
    findings = [{"name": "a new one", "sentence": "something is wrong"}]
    view = ResultView(_RESULT | {"quality": {"verdict": "usable", "findings": findings}})

    assert view.reasons(strings_of("fr").__getitem__) == ["Something is wrong."]


def test_the_page_names_model_engine_times_and_says_what_it_is_not(phone: FlaskClient, box: Services) -> None:
    page = _page(phone, _kept(box))

    for words in ("scsonet", "abababababab", "onnxruntime, fp32", "44.1 ms", "A measuring aid, not a diagnosis."):
        assert words in page
    assert "M20.0 15.0L60.0 15.0L40.0 45.0Z" in page


def test_why_there_are_no_millimetres_is_told_in_the_cards_own_words(phone: FlaskClient, box: Services) -> None:
    page = _page(phone, _kept(box, scale_why="cannot read the scale: no marker was found"))

    assert "cannot read the scale: no marker was found" in page.lower()


@pytest.mark.parametrize(("verdict", "is_noted"), [("retake", True), ("good", False)])
def test_sending_a_bad_picture_anyway_is_written_down(
    phone: FlaskClient, box: Services, verdict: str, is_noted: bool
) -> None:
    picture = _kept(box, quality={"verdict": verdict, "findings": [_BLURRED]})
    page = _page(phone, picture)

    answer = post(phone, f"/pictures/{picture.id}/keep")

    assert ("Send anyway" in page) is is_noted
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases?picture={picture.id}")
    assert box.store.pictures.get(picture.id).sent_anyway is is_noted


def test_taking_a_loose_picture_again_deletes_it(phone: FlaskClient, box: Services) -> None:
    picture = _kept(box)

    answer = post(phone, f"/pictures/{picture.id}/again")

    assert answer.headers["Location"] == "/capture?role=closeup"
    assert phone.get(f"/pictures/{picture.id}", base_url=ORIGIN).status_code == 404


def test_a_picture_that_became_part_of_a_case_meanwhile_is_not_deleted(
    phone: FlaskClient, box: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, picture, store = box.store.cases.create().id, _kept(box), box.store
    delete_loose = store.pictures.delete_loose

    def attached_first(picture_id: str, *, who: str, why: str) -> bool:
        store.pictures.attach(picture_id, store.visits.add(case).id)
        return delete_loose(picture_id, who=who, why=why)

    monkeypatch.setattr(store.pictures, "delete_loose", attached_first)
    again = post(phone, f"/pictures/{picture.id}/again")

    assert again.headers["Location"] == f"/capture?case={case}&role=closeup"
    assert [each.kind for each in store.corrections.of_picture(picture.id)] == ["unusable"]


def test_taking_a_picture_of_a_case_again_keeps_it_as_unusable(phone: FlaskClient, box: Services) -> None:
    case = box.store.cases.create().id
    picture = _kept(box, box.store.visits.add(case).id)

    again = post(phone, f"/pictures/{picture.id}/again")

    assert again.headers["Location"] == f"/capture?case={case}&role=closeup"
    assert [each.kind for each in box.store.corrections.of_picture(picture.id)] == ["unusable"]
    assert "Marked as unusable" in _page(phone, picture)
    assert post(phone, f"/pictures/{picture.id}/keep").headers["Location"] == f"/cases/{case}"


@pytest.mark.parametrize("path", ["/capture", "/camera"])
def test_a_picture_is_taken_for_the_case_and_role_of_the_address(phone: FlaskClient, box: Services, path: str) -> None:
    case = box.store.cases.create().id
    box.store.consents.record(case, "care", True, who="NN")

    page = phone.get(f"{path}?case={case}&role=overview", base_url=ORIGIN).text

    assert f'data-case="{case}" data-role="overview"' in page
    assert phone.get(f"{path}?case=nosuchcase12", base_url=ORIGIN).status_code == 404
