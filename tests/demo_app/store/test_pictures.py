"""Pictures: files that are there before their row, and stay as they came."""

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from skinseg_demo.store import Store
from skinseg_edge.errors import DeviceUnready, FileMissing, InputError, IntegrityFailed
from tests.demo_app.boxes import add_case, add_picture
from tests.demo_app.browsers import HandClock


def test_a_kept_picture_comes_back_as_it_was(store: Store) -> None:
    kept = add_picture(store, original=b"a photo")

    assert store.pictures.get(kept.id) == kept
    assert store.pictures.file(kept.id, "original").read_bytes() == b"a photo"
    assert store.pictures.file(kept.id, "working").read_bytes() == b"smaller"
    assert store.pictures.file(kept.id, "mask").read_bytes() == b"mask"
    assert store.pictures.names(kept.id) == ["mask.png", "original.jpg", "working.jpg"]
    assert kept.sha256 == hashlib.sha256(b"a photo").hexdigest()


def test_only_this_user_may_read_a_picture(store: Store) -> None:
    kept = add_picture(store)

    folder = store.folder / "pictures" / kept.id
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}

    assert modes == {kept.id: 0o700, "original.jpg": 0o600, "working.jpg": 0o600, "mask.png": 0o600}


def test_every_file_is_on_the_disk_under_its_name_before_the_row_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        real_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        done.append("rename")
        assert store.database.rows("SELECT * FROM pictures") == []
        return real_rename(path, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not tell which file a descriptor names")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    kept = add_picture(store)

    assert done == [
        "sync original.jpg",
        "sync working.jpg",
        "sync mask.png",
        f"sync .part-{kept.id}",
        "rename",
        "sync pictures",
    ]


def test_an_original_whose_hash_is_another_is_not_kept(store: Store) -> None:
    with pytest.raises(IntegrityFailed, match="its SHA-256 is not the one that was told"):
        add_picture(store, sha256="0" * 64)

    assert list((store.folder / "pictures").iterdir()) == []


def test_a_picture_of_a_visit_that_is_not_there_leaves_no_file(store: Store) -> None:
    with pytest.raises(FileMissing, match="there is no such visit"):
        add_picture(store, "nothere")

    assert list((store.folder / "pictures").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"extension": "../x"}, r"its extension is '\.\./x', expected one such as 'jpg'"),
        ({"role": "portrait"}, "its role is 'portrait', expected one of overview, closeup"),
        ({"result": {"area_mm2": float("nan")}}, "its result holds what JSON has no words for"),
    ],
)
def test_what_could_not_be_read_back_is_refused(store: Store, change: dict[str, object], words: str) -> None:
    given: dict[str, object] = {
        "role": "closeup",
        "original": b"",
        "extension": "jpg",
        "sha256": hashlib.sha256(b"").hexdigest(),
        "received_sha256": "",
        "hw": (1, 1),
        "working_jpeg": b"",
        "mask_png": b"",
        "result": {},
        "verdict": None,
        "sent_anyway": False,
    }
    add = cast(Callable[..., object], store.pictures.add)

    with pytest.raises(InputError, match=words):
        add(None, **given | change)

    assert list((store.folder / "pictures").iterdir()) == []


def test_a_picture_that_is_not_there_can_be_neither_attached_nor_deleted(store: Store) -> None:
    visit = store.visits.add(store.cases.create().id)

    for ask in (lambda: store.pictures.attach("nothere", visit.id), lambda: store.pictures.delete("nothere")):
        with pytest.raises(FileMissing, match="cannot find this picture"):
            ask()


def test_files_are_left_to_the_next_start_where_nobody_can_say_whether_their_row_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DeviceUnready("the disk refused")

    with monkeypatch.context() as patched:
        patched.setattr(store.database, "writing", refuse)
        patched.setattr(store.database, "rows", refuse)
        with pytest.raises(DeviceUnready, match="the disk refused"):
            add_picture(store)
    assert len(list((store.folder / "pictures").iterdir())) == 1
    store.close()

    again = Store.open(store.folder)

    assert list((store.folder / "pictures").iterdir()) == []
    again.close()


@pytest.mark.parametrize("picture_id", ["../..", "..", "", "/etc/passwd", "nothere", "a/../b"])
def test_a_file_is_found_by_an_id_of_ours_alone(store: Store, picture_id: str) -> None:
    with pytest.raises(FileMissing, match="cannot find this picture"):
        store.pictures.file(picture_id, "original")


def test_a_loose_picture_becomes_part_of_one_visit_and_of_no_second(store: Store) -> None:
    case = store.cases.create()
    visit, other = store.visits.add(case.id), store.visits.add(case.id)
    kept = add_picture(store)

    assert store.pictures.attach(kept.id, visit.id).visit_id == visit.id
    assert store.pictures.attach(kept.id, visit.id).visit_id == visit.id  # asked twice by an impatient thumb
    with pytest.raises(InputError, match="part of another visit"):
        store.pictures.attach(kept.id, other.id)
    assert [one.id for one in store.pictures.of_visit(visit.id)] == [kept.id]


def test_an_overlay_lies_beside_its_picture_and_goes_with_it(store: Store) -> None:
    kept = add_picture(store)
    with pytest.raises(FileMissing, match="the file 'overlay'"):
        store.pictures.file(kept.id, "overlay")

    store.pictures.keep_overlay(kept.id, b"drawn")
    store.pictures.keep_overlay(kept.id, b"drawn anew")

    assert store.pictures.file(kept.id, "overlay").read_bytes() == b"drawn anew"
    store.pictures.delete(kept.id)
    assert list((store.folder / "pictures").iterdir()) == []


def test_a_full_disk_keeps_nothing_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DeviceUnready, match="cannot keep the picture: the disk is full, so nothing was kept"):
        add_picture(store)

    assert list((store.folder / "pictures").iterdir()) == []
    assert store.database.rows("SELECT * FROM pictures") == []


def test_a_database_that_is_full_acknowledges_nothing_and_goes_on_when_there_is_room(store: Store) -> None:
    pages = store.database.rows("PRAGMA page_count")[0][0]
    store.database.rows(f"PRAGMA max_page_count = {pages + 8}")
    acknowledged = []

    with pytest.raises(DeviceUnready, match="the disk is full; free some space and try again"):  # noqa: PT012  # all but the last succeed
        for _ in range(2000):
            acknowledged.append(add_picture(store).id)

    assert acknowledged
    assert {path.name for path in (store.folder / "pictures").iterdir()} == set(acknowledged)
    assert {row["id"] for row in store.database.rows("SELECT id FROM pictures")} == set(acknowledged)
    assert store.audit.verify() is None
    store.database.rows("PRAGMA max_page_count = 100000")
    assert store.pictures.get(add_picture(store).id).visit_id is None


def test_what_a_killed_process_left_is_swept_at_the_next_start_and_what_has_a_row_stays(
    tmp_path: Path, clock: HandClock
) -> None:
    store = Store.open(tmp_path / "store", now=clock)
    kept = add_picture(store)
    folder = store.folder / "pictures"
    (folder / ".part-aaaaaaaaaaaa").mkdir()
    (folder / "bbbbbbbbbbbb").mkdir()  # renamed, and then the power went
    (folder / "bbbbbbbbbbbb" / "original.jpg").write_bytes(b"x")
    (folder / ".gone-cccccccccccc").mkdir()
    (store.folder / ".export-x").mkdir()  # an export that was cut off holds a whole case
    (store.folder / ".export-x" / "case.zip").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (store.folder / ".link").symlink_to(tmp_path / "elsewhere")
    store.close()

    Store.open(tmp_path / "store", now=clock).close()

    assert [path.name for path in folder.iterdir()] == [kept.id]
    assert {path.name for path in store.folder.iterdir()} == {"store.sqlite", "lock", "pictures"}
    assert (tmp_path / "elsewhere").is_dir()


def test_nothing_is_swept_while_another_process_has_the_store_open(store: Store) -> None:
    half = store.folder / "pictures" / ".part-aaaaaaaaaaaa"
    half.mkdir()

    Store.open(store.folder).close()  # as `skinseg-demo --pair` does beside the demo

    assert half.is_dir()


def test_a_file_that_is_no_database_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.sqlite").write_bytes(b"this is a letter, not a database" * 100)

    with pytest.raises(IntegrityFailed, match=r"it is damaged or no store of this program .* restore a backup"):
        Store.open(tmp_path / "store")


def test_a_damaged_database_is_told_when_the_store_is_opened(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    for _ in range(30):
        add_case(store, note="x" * 500)
    store.close()
    path = tmp_path / "store" / "store.sqlite"
    data = bytearray(path.read_bytes())
    for page in range(8, len(data) // 4096):
        data[page * 4096 : page * 4096 + 100] = b"\xa5" * 100
    path.write_bytes(data)

    with pytest.raises(IntegrityFailed, match="it is damaged"):
        Store.open(tmp_path / "store")


def test_a_store_that_may_not_be_written_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(store.audit, "record", lambda *_, **__: refuse())

    with pytest.raises(DeviceUnready, match="it may only be read"):
        store.cases.create()
    assert store.cases.list() == []
