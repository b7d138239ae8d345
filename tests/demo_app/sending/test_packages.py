"""The package of a case: all of it, the same bytes each time, readable without this program."""

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
    assert files.keys() == {"case.json"} | {
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
    assert sorted(seen["files"]) == sorted(name for name in files if name != "case.json")


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
