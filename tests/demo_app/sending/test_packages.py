"""The package of a case: all of it, the same bytes each time, readable without this program."""

import base64
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from skinseg_demo.sending.packages import write_package
from skinseg_demo.store import Store
from skinseg_edge.errors import FileMissing
from tests.demo_app.boxes import RESULT, add_case
from tests.demo_app.browsers import HandClock
from tests.demo_app.drawn_visits import add_drawn


def test_a_package_holds_what_was_said_seen_outlined_and_corrected(store: Store, tmp_path: Path) -> None:
    case = add_case(store, body_site="left arm", checklist={"oozing": True}, note="since May")
    picture = store.pictures.of_case(case.id)[0]
    store.corrections.add(picture.id, "redraw", [[[0, 0], [1, 0], [1, 1]]])
    store.pictures.keep_overlay(picture.id, b"drawn")

    package = write_package(store, case.id, tmp_path / "case.zip")
    with zipfile.ZipFile(package.path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(files["case.json"])

    folder = f"pictures/{picture.id}"
    assert files.keys() == {"case.json", "fhir.json"} | {
        f"{folder}/{name}" for name in ("original.jpg", "working.jpg", "mask.png", "overlay.jpg")
    }
    assert hashlib.sha256(files[f"{folder}/original.jpg"]).hexdigest() == picture.sha256
    assert document["schema"] == "skinseg.demo.case/1"
    assert document["wording"].startswith("A measuring aid, not a diagnosis.")
    told = document["case"]
    assert (told["number"], told["body_site"], told["checklist"], told["note"]) == (
        "2026-0001",
        "left arm",
        {"oozing": True},
        "since May",
    )
    assert [(one["kind"], one["is_given"]) for one in document["consents"]] == [("care", True)]
    (seen,) = document["visits"][0]["pictures"]
    assert (seen["sha256"], seen["result"], seen["photo_hw"]) == (picture.sha256, RESULT, [60, 80])
    assert seen["corrections"][0]["polygons"] == [[[0, 0], [1, 0], [1, 1]]]
    assert sorted(seen["files"]) == sorted(name for name in files if name.startswith("pictures/"))


def test_the_fhir_bundle_of_a_package_leads_to_the_files_beside_it(store: Store, tmp_path: Path) -> None:
    case = add_case(store)
    visit = store.visits.of_case(case.id)[0]
    add_drawn(store, visit.id)
    store.pictures.delete(store.pictures.of_case(case.id)[0].id)  # whose bytes are no picture

    package = write_package(store, case.id, tmp_path / "case.zip")
    with zipfile.ZipFile(package.path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}

    resources = [entry["resource"] for entry in json.loads(files["fhir.json"])["entry"]]
    photos = [each["content"] for each in resources if each["resourceType"] == "Media"]
    reports = [each["content"][0]["attachment"] for each in resources if each["resourceType"] == "DocumentReference"]
    (photo,) = store.pictures.of_case(case.id)
    names = [each["url"] for each in photos + reports]
    assert names == [f"pictures/{photo.id}/original.jpg", f"reports/{visit.id}.pdf"]
    for each in photos + reports:
        assert base64.b64decode(each["hash"]) == hashlib.sha1(files[each["url"]]).digest()


def test_the_same_case_gives_the_same_bytes_and_a_change_gives_others(
    store: Store, tmp_path: Path, clock: HandClock
) -> None:
    case = add_case(store)
    first = write_package(store, case.id, tmp_path / "1.zip")
    clock.wind(days=3)
    second = write_package(store, case.id, tmp_path / "2.zip")
    store.cases.update(case.id, {"note": "it bled"})
    third = write_package(store, case.id, tmp_path / "3.zip")

    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert third.sha256 != first.sha256
    assert first.name == f"case-2026-0001-{first.sha256[:12]}.zip"


def test_what_belongs_to_another_case_is_not_in_the_package(store: Store, tmp_path: Path) -> None:
    case, other = add_case(store), add_case(store, note="of somebody else")

    package = write_package(store, case.id, tmp_path / "case.zip")

    assert other.id.encode() not in package.path.read_bytes()
    assert b"of somebody else" not in package.path.read_bytes()


def test_a_case_that_was_deleted_has_no_package(store: Store, tmp_path: Path) -> None:
    case = add_case(store)
    store.cases.delete(case.id)

    with pytest.raises(FileMissing):
        write_package(store, case.id, tmp_path / "case.zip")
