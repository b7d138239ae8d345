"""A backup that reads back as the same store, and a restore that believes nothing it cannot check."""

import hashlib
import json
import os
import sqlite3
import stat
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest

from skinseg_demo.store import Store
from skinseg_edge.errors import DeviceUnready, FileMissing, IntegrityFailed, OutputRefused, SchemaUnknown
from tests.demo_app.boxes import add_case, add_picture
from tests.demo_app.browsers import HandClock

Members = dict[str, bytes]
Change = Callable[[Members], None]


def _members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, members: Members, *, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _with_list(members: Members) -> Members:
    """Write the list anew, as a forger would."""
    manifest = json.loads(members["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
        if name != "manifest.json"
    }
    return members | {"manifest.json": json.dumps(manifest).encode()}


def _check_refused(backup: Path, tmp_path: Path, change: Change, words: str) -> None:
    """Change a backup as a forger would, and see it refused without a trace."""
    members = _members(backup)
    change(members)
    forged = _write(tmp_path / "forged.zip", _with_list(members))

    with pytest.raises(IntegrityFailed, match=words):
        Store.restore(forged, tmp_path / "again")

    assert {path.name for path in tmp_path.iterdir()} == {"store", "backup.zip", "forged.zip"}


@pytest.fixture
def backup(store: Store, tmp_path: Path) -> Path:
    """A backup of two cases."""
    add_case(store, note="since May")
    add_case(store)
    return store.backup_to(tmp_path / "backup.zip")


def test_a_restored_store_holds_the_same_cases_pictures_and_log(
    store: Store, backup: Path, tmp_path: Path, clock: HandClock
) -> None:
    Store.restore(backup, tmp_path / "again", now=clock)
    again = Store.open(tmp_path / "again", now=clock)

    assert again.cases.list() == store.cases.list()
    for case in store.cases.list():
        for picture in store.pictures.of_case(case.id):
            assert again.pictures.get(picture.id) == picture
            assert again.pictures.file(picture.id, "original").read_bytes() == f"photo of {case.id}".encode()
    assert again.audit.verify() is None
    assert again.audit.list(most=1)[0].what == "store restored"
    assert again.cases.create().number == "2026-0003"
    again.close()


def test_nobody_else_may_read_a_backup_or_the_store_made_of_it(backup: Path, tmp_path: Path) -> None:
    Store.restore(backup, tmp_path / "again")

    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "again").stat().st_mode) == 0o700


def test_phones_that_were_paired_are_not_after_a_restore(store: Store, tmp_path: Path) -> None:
    store.phones.offer("a" * 64, "admin", timedelta(minutes=2))
    store.phones.pair("a" * 64, "b" * 64, "iPhone")
    store.phones.offer("c" * 64, "admin", timedelta(minutes=2))
    store.backup_to(tmp_path / "backup.zip")

    Store.restore(tmp_path / "backup.zip", tmp_path / "again", now=store.database.now)
    again = Store.open(tmp_path / "again", now=store.database.now)

    assert [phone.revoked_at is None for phone in again.phones.list()] == [False]
    assert again.phones.pair("c" * 64, "d" * 64, "iPhone") is None
    again.close()


def test_what_waited_to_be_sent_waits_for_a_person_after_a_restore(store: Store, tmp_path: Path) -> None:
    waiting, sent = add_case(store), add_case(store)
    for case in (waiting, sent):
        store.outbox.queue(case.id)
    store.outbox.mark_sent(sent.id, "ab" * 32)
    backup = store.backup_to(tmp_path / "backup.zip")
    store.consents.record(waiting.id, "care", False)  # which the backup does not know

    waited = Store.restore(backup, tmp_path / "restored")

    restored = Store.open(tmp_path / "restored")
    states = {entry.case_id: entry.state for entry in restored.outbox.list()}
    assert (waited, states) == (1, {waiting.id: "draft", sent.id: "sent"})
    assert restored.outbox.due() == []
    assert restored.audit.list(most=1)[0].detail == "from a backup, phones logged off, 1 cases out of the queue"
    restored.close()


def test_a_backup_is_taken_while_cases_come_in(store: Store, tmp_path: Path) -> None:
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            add_case(store)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(3):
            store.backup_to(tmp_path / f"{number}.zip")
    finally:
        ended.set()
        thread.join()

    for number in range(3):
        Store.restore(tmp_path / f"{number}.zip", tmp_path / str(number))


def test_a_case_deleted_meanwhile_is_not_half_in_the_backup(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = add_case(store)
    kept = add_case(store)
    real_open = cast(Callable[..., object], zipfile.ZipFile.open)

    def delete_first(archive: zipfile.ZipFile, *args: object, **options: object) -> object:
        if case.id in {one.id for one in store.cases.list()}:
            store.cases.delete(case.id)
        return real_open(archive, *args, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", delete_first)
    store.backup_to(tmp_path / "backup.zip")
    monkeypatch.undo()

    Store.restore(tmp_path / "backup.zip", tmp_path / "again")
    again = Store.open(tmp_path / "again")
    assert [one.id for one in again.cases.list()] == [kept.id]
    again.close()


def test_a_picture_whose_files_are_gone_makes_no_backup_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    picture = add_picture(store)
    store.pictures.file(picture.id, "original").unlink()

    with pytest.raises(DeviceUnready, match="pictures were deleted meanwhile, 3 times"):
        store.backup_to(tmp_path / "backup.zip")

    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_an_original_that_the_disk_changed_makes_no_backup(store: Store, tmp_path: Path) -> None:
    picture = add_picture(store)
    store.pictures.file(picture.id, "original").write_bytes(b"a phot0")

    with pytest.raises(IntegrityFailed, match="is not what was kept; the disk may be failing"):
        store.backup_to(tmp_path / "backup.zip")


def test_a_backup_replaces_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup.zip").write_bytes(b"an older one")

    with pytest.raises(OutputRefused, match="it exists already"):
        store.backup_to(tmp_path / "backup.zip")


def test_what_a_killed_backup_has_left_beside_it_goes_after_a_day(store: Store, tmp_path: Path) -> None:
    for name in (".skinseg-0123456789abcdef.part", ".skinseg-0123456789abcdef.sqlite"):
        (tmp_path / name).write_bytes(b"half of all cases")
        os.utime(tmp_path / name, (0, time.time() - 25 * 3600))

    store.backup_to(tmp_path / "backup.zip")

    assert list(tmp_path.glob(".skinseg-*")) == []


def test_a_backup_to_a_place_that_is_not_there_is_refused_in_one_sentence(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="cannot write"):
        store.backup_to(tmp_path / "nowhere" / "backup.zip")


def test_nothing_is_restored_over_a_store(store: Store, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="something is there, perhaps a store that is used"):
        Store.restore(backup, store.folder)

    (tmp_path / "empty").mkdir()
    Store.restore(backup, tmp_path / "empty")  # this is no store


def test_a_backup_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="no such file"):
        Store.restore(tmp_path / "none.zip", tmp_path / "again")


def _escape(members: Members) -> None:
    members["../outside"] = b"x"


def _escape_below(members: Members) -> None:
    members["pictures/../../outside"] = b"x"


def _absolute(members: Members) -> None:
    members["/tmp/outside"] = b"x"


def _backslash(members: Members) -> None:
    members["pictures\\..\\outside"] = b"x"


def _foreign(members: Members) -> None:
    members["pictures/aaaaaaaaaaaa/original.jpg"] = b"x"


def _without_mask(members: Members) -> None:
    del members[next(name for name in members if name.endswith("mask.png"))]


def _without_rows(members: Members) -> None:
    del members["store.sqlite"]


def _other_original(members: Members) -> None:
    members[next(name for name in members if "original" in name)] = b"another photo"


def _no_database(members: Members) -> None:
    members["store.sqlite"] = b"x" * 5000


def _sql(*statements: str) -> Change:
    def change(members: Members) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "store.sqlite"
            path.write_bytes(members["store.sqlite"])
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
            members["store.sqlite"] = path.read_bytes()

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_sql("CREATE TRIGGER evil AFTER INSERT ON cases BEGIN DELETE FROM cases; END"), "its tables are not those"),
        (_sql("CREATE VIEW evil AS SELECT 1"), "its tables are not those"),
        (_sql("PRAGMA user_version = 1"), "its tables are not those"),
        (_sql("UPDATE pictures SET id = '../../outside' WHERE rowid = 1"), "gives to none"),
        (_sql("UPDATE pictures SET format = '../x'"), "gives to none"),
        (_sql("INSERT INTO audit VALUES (99, '', '', '', NULL, '', '', '')"), "does not hold from line"),
    ],
)
def test_a_store_that_somebody_changed_is_refused_though_its_list_is_right(
    backup: Path, tmp_path: Path, change: Change, words: str
) -> None:
    _check_refused(backup, tmp_path, change, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_escape, "it holds '../outside', which no backup does"),
        (_escape_below, "which no backup does"),
        (_absolute, "which no backup does"),
        (_backslash, "which no backup does"),
        (_foreign, "files of a picture that its store does not know"),
        (_without_mask, "mask.png of picture .* is missing"),
        (_without_rows, "its list names other files than it holds"),
        (_other_original, "is not what was kept"),
        (_no_database, "its store.sqlite is damaged"),
    ],
)
def test_a_forged_backup_is_refused_though_its_list_is_right(
    backup: Path, tmp_path: Path, change: Change, words: str
) -> None:
    _check_refused(backup, tmp_path, change, words)


def test_a_member_that_is_missing_added_or_changed_is_refused(backup: Path, tmp_path: Path) -> None:
    for name in _members(backup):
        for change in ("missing", "longer", "changed"):
            members = _members(backup)
            if change == "missing":
                del members[name]
            elif change == "longer":
                members[name] += b"\n" if name != "manifest.json" else b"x"
            else:
                members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])
            changed = _write(tmp_path / "changed.zip", members)
            with pytest.raises(IntegrityFailed, match=r"take another backup|cannot read"):
                Store.restore(changed, tmp_path / "again")


def test_a_bomb_is_refused_before_it_is_unpacked(backup: Path, tmp_path: Path) -> None:
    members = _members(backup)
    members["pictures/aaaaaaaaaaaa/original.jpg"] = bytes(20_000_000)
    bomb = _write(tmp_path / "bomb.zip", _with_list(members), method=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 500_000

    with pytest.raises(IntegrityFailed, match="is compressed or encrypted, which no backup is"):
        Store.restore(bomb, tmp_path / "again")


def test_a_member_that_comes_twice_is_refused(backup: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(backup, "a") as archive:
        archive.writestr("store.sqlite", b"another one")

    with pytest.raises(IntegrityFailed, match=r"it holds store\.sqlite twice"):
        Store.restore(backup, tmp_path / "again")


def test_a_backup_of_a_newer_program_is_refused(backup: Path, tmp_path: Path) -> None:
    members = _members(backup)
    members["manifest.json"] = json.dumps({"schema": "skinseg.demo.backup/2"}).encode()

    with pytest.raises(SchemaUnknown, match=r"it is a 'skinseg\.demo\.backup/2', expected"):
        Store.restore(_write(tmp_path / "newer.zip", members), tmp_path / "again")


def test_a_store_of_a_newer_program_is_refused(backup: Path, tmp_path: Path) -> None:
    members = _members(backup)
    _sql("PRAGMA user_version = 99")(members)

    with pytest.raises(SchemaUnknown, match="its store is version 99"):
        Store.restore(_write(tmp_path / "newer.zip", _with_list(members)), tmp_path / "again")


def test_a_zip_that_is_cut_off_or_mangled_anywhere_is_refused(backup: Path, tmp_path: Path) -> None:
    data = backup.read_bytes()
    mangled = tmp_path / "mangled.zip"
    refused = 0
    places = range(0, len(data), max(1, len(data) // 150))
    for place in places:
        for version in (data[:place], data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]):
            mangled.write_bytes(version)
            try:
                Store.restore(mangled, tmp_path / f"again{place}")
            except (IntegrityFailed, SchemaUnknown):
                refused += 1
    # What zipfile never looks at (dates, attributes of a member) may change: those are few, and the store is whole.
    assert refused >= 2 * len(places) - 15
