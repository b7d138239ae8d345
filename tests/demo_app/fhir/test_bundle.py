"""A case as a FHIR bundle: valid, whole, the same each time, and nothing in it that says what a figure means."""

import base64
import hashlib
import json

import pytest

from skinseg_demo.fhir import bundle_of_case
from skinseg_demo.fhir.bundle import as_transaction, case_bundle
from skinseg_demo.store import Store
from skinseg_edge.errors import FileMissing, InputError
from tests.demo_app.boxes import add_case
from tests.demo_app.browsers import HandClock
from tests.demo_app.drawn_visits import add_drawn
from tests.demo_app.fhir.bundles import figure, keys_of, resources, valid
from tests.demo_app.fhir.conftest import Followed


def test_a_case_is_a_valid_transaction_with_all_that_was_photographed_and_measured(followed: Followed) -> None:
    bundle = valid(followed.bundle)

    assert bundle["type"] == "transaction"
    counts = {kind: len(resources(bundle, kind)) for kind in ("Device", "Media", "Observation", "DocumentReference")}
    assert counts == {"Device": 1, "Media": 8, "Observation": 4 * 6, "DocumentReference": 4}  # four visits


def test_as_a_file_it_is_a_collection_that_asks_no_server_for_anything(followed: Followed) -> None:
    collection = valid(case_bundle(followed.store, followed.store.cases.get(followed.case_id)).document)

    assert collection["type"] == "collection"
    assert "request" not in keys_of(collection)


def test_a_photo_is_the_kept_original_with_its_hash_and_size(followed: Followed) -> None:
    picture = followed.store.pictures.of_case(followed.case_id)[1]
    original = followed.store.pictures.file(picture.id, "original").read_bytes()

    photo = resources(followed.bundle, "Media")[1]

    content = photo["content"]
    assert base64.b64decode(content["data"]) == original
    assert (content["size"], content["contentType"]) == (len(original), "image/jpeg")
    assert base64.b64decode(content["hash"]) == hashlib.sha1(original).digest()
    assert (photo["height"], photo["width"]) == picture.hw
    assert photo["identifier"][1]["value"] == picture.sha256
    assert photo["view"]["text"] == "Close-up"


def test_the_report_of_each_visit_is_a_pdf_that_names_what_was_measured_at_it(followed: Followed) -> None:
    bundle = followed.bundle

    report = resources(bundle, "DocumentReference")[0]

    attached = report["content"][0]["attachment"]
    assert base64.b64decode(attached["data"]).startswith(b"%PDF")
    assert report["description"] == "Consent to care: given; to teaching: not given."
    by_url = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in bundle["entry"]}  # type: ignore[attr-defined]  # a list
    related = [by_url[each["reference"]] for each in report["context"]["related"]]
    assert sorted(related) == ["Media"] * 2 + ["Observation"] * 6


def test_every_reference_leads_to_an_entry_and_nobody_is_made_a_patient(followed: Followed) -> None:
    bundle = followed.bundle
    text = json.dumps(bundle)

    urls = [entry["fullUrl"] for entry in bundle["entry"]]  # type: ignore[attr-defined]  # a list
    assert len(set(urls)) == len(urls)
    referred = {piece.split('"')[0] for piece in text.split('"reference": "')[1:]}
    assert referred <= set(urls)
    assert resources(bundle, "Patient") == []
    for resource in (*resources(bundle, "Media"), *resources(bundle, "Observation")):
        assert resource["subject"]["identifier"]["value"] == followed.case_id
        assert "2026-0001" in resource["subject"]["display"]


def test_a_figure_has_its_unit_its_range_and_what_measured_it(followed: Followed) -> None:
    picture = followed.store.pictures.of_case(followed.case_id)[1]
    told = picture.result["lesions"][0]  # type: ignore[index]  # a list of objects
    bundle = followed.bundle

    first = resources(bundle, "Observation")[:6]

    assert figure(first, "area") == [(told["area_mm2"], "mm2")]
    assert figure(first, "max_diameter") == [(told["max_diameter_mm"], "mm")]
    assert figure(first, "perimeter") == [(told["perimeter_mm"], "mm")]
    assert figure(first, "asymmetry") == [(told["asymmetry"], "1")]
    ends = [part["valueQuantity"]["value"] for part in first[0]["component"]]
    assert ends == [*told["ranges"]["area_mm2"], 3.0]  # and the scale's error in percent
    assert {each["status"] for each in first} == {"preliminary"}  # nobody has looked at the outline
    (device,) = resources(bundle, "Device")
    assert device["deviceName"][0]["name"] == "scsonet"
    assert all(each["bodySite"]["coding"][0]["code"] == "70559009" for each in first)
    assert first[0]["bodySite"]["text"] == "left forearm, inner side"


def test_without_a_scale_figures_are_in_pixels_and_say_why(followed: Followed) -> None:
    third = resources(followed.bundle, "Observation")[12:18]

    assert {unit for name in ("area", "max_diameter", "perimeter") for _, unit in figure(third, name)} == {"{pixels}"}
    assert third[0]["note"][0]["text"] == "In pixels: the card is not in the picture."
    assert "component" not in third[0]


def test_nothing_interprets_a_figure_and_the_wording_stands_with_each(followed: Followed) -> None:
    bundle = case_bundle(followed.store, followed.store.cases.get(followed.case_id)).document
    text = json.dumps(bundle).lower()

    assert not {"interpretation", "referenceRange", "clinicalImpression", "Condition"} & set(keys_of(bundle))
    assert not [word for word in ("malignant", "benign", "melanoma", "cancer", "risk") if word in text]
    for entry in bundle["entry"]:  # type: ignore[attr-defined]  # a list
        assert "A measuring aid, not a diagnosis." in entry["resource"]["text"]["div"]


def test_the_same_case_gives_the_same_bytes_whenever_it_is_made(store: Store, clock: HandClock) -> None:
    case_id = add_case(store, body_site="right knee").id
    add_drawn(store, store.visits.of_case(case_id)[0].id)
    first = json.dumps(bundle_of_case(store, case_id))
    clock.wind(days=3)

    assert "DocumentReference" in first
    assert json.dumps(bundle_of_case(store, case_id)) == first


def test_words_that_somebody_wrote_stay_words(store: Store) -> None:
    case = add_case(store, body_site='elbow </p><script>"url": "pictures/x"</script> & \x0cmore')

    photo = resources(valid(bundle_of_case(store, case.id)), "Media")[0]

    assert photo["bodySite"] == {"text": 'elbow </p><script>"url": "pictures/x"</script> & more'}


def test_spaces_of_print_become_those_that_every_checker_takes(store: Store) -> None:
    case = add_case(store, body_site="bras\u00a0gauche\u2003:\u3000\u8155")

    photo = resources(valid(bundle_of_case(store, case.id)), "Media")[0]

    assert photo["bodySite"] == {"text": "bras gauche : \u8155"}


def test_a_photo_that_cannot_be_drawn_costs_the_report_alone(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    case = add_case(store)  # its pictures are no JPEG

    bundle = valid(bundle_of_case(store, case.id))

    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Media"]  # type: ignore[attr-defined]  # a list
    assert "a case goes without a report" in caplog.text


def test_whatever_a_report_stumbles_over_the_case_still_leaves(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError("too wide")

    case = store.cases.create()
    add_drawn(store, store.visits.add(case.id).id)
    monkeypatch.setattr("skinseg_demo.fhir.reports.report_pdf", stumble)

    bundle = valid(bundle_of_case(store, case.id))

    assert resources(bundle, "DocumentReference") == []
    assert len(resources(bundle, "Observation")) == 6
    assert "a case goes without a report: too wide" in caplog.text


def test_a_photo_that_the_disk_lost_is_told_and_not_left_out(store: Store) -> None:
    case = store.cases.create()
    picture = add_drawn(store, store.visits.add(case.id).id)
    store.pictures.file(picture.id, "working").unlink()

    with pytest.raises(FileMissing, match="cannot find the file 'working'"):
        bundle_of_case(store, case.id)


def test_a_photo_that_was_kept_against_advice_says_so(store: Store) -> None:
    case = store.cases.create()
    finding = {"name": "blur", "sentence": "The picture is blurred."}
    quality = {"quality": {"verdict": "retake", "findings": [finding, {"name": "odd"}]}}
    picture = add_drawn(store, store.visits.add(case.id).id, changes=quality)
    store.pictures.note_sent_anyway(picture.id)

    (photo,) = resources(valid(bundle_of_case(store, case.id)), "Media")

    told = " ".join(note["text"] for note in photo["note"])
    assert "The picture is blurred." in told
    assert "A person kept this photo" in told


def test_a_case_without_a_picture_is_an_empty_collection_and_no_transaction(store: Store) -> None:
    case = store.cases.create()
    collection = valid(case_bundle(store, case).document)

    assert "entry" not in collection
    with pytest.raises(InputError, match="the bundle has no entry"):
        as_transaction(collection)


def test_a_case_that_was_deleted_has_no_bundle(store: Store) -> None:
    case_id = add_case(store).id
    store.cases.delete(case_id)

    with pytest.raises(FileMissing, match="cannot find this case"):
        bundle_of_case(store, case_id)
