"""A store out of a backup: what the ZIP holds is believed only as far as it can be checked.

A name leads nowhere but into the new store; nothing is compressed, so nothing grows; every byte has the SHA-256 that
the list tells; the tables are those that this program makes, their audit log holds, and each picture has its files. The
new store appears whole or not at all, and never over another. Phones that were paired then are not now, and nothing
that waited to be sent then goes out by itself: its consent may have been withdrawn, or its case deleted, since.
"""

import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.backup import MANIFEST, SCHEMA, STORE_FILE, digest_of
from skinseg_demo.store.clock import Clock, text_from_time
from skinseg_demo.store.database import Database
from skinseg_demo.store.migrations import MIGRATIONS
from skinseg_demo.store.picture_files import MEMBER
from skinseg_edge.atomic_files import fresh_folder
from skinseg_edge.errors import FileMissing, IntegrityFailed, OutputRefused, SchemaUnknown
from skinseg_edge.strict_json import Fields, parse_object, shown

__all__ = ["restore_backup"]

_PIECE = 1 << 20
_MANIFEST_BYTES = 64 << 20
_MEND = "take another backup"


def restore_backup(backup: Path, folder: Path, *, now: Clock) -> int:
    """Make the store in *folder* out of *backup*; return how many cases waited to be sent, and are drafts now.

    Raises FileMissing if there is no such backup, OutputRefused if *folder* holds anything, IntegrityFailed if the ZIP
    is damaged, changed or no backup, SchemaUnknown if a newer version of this program made it.
    """
    if not backup.is_file():
        raise FileMissing(f"cannot restore {backup}: no such file; name a backup that this program made")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputRefused(
            f"cannot restore into {folder}: something is there, perhaps a store that is used; end the demo and move "
            "the folder away first"
        )
    with fresh_folder(folder, force=True) as fresh:
        fresh.chmod(0o700)
        _unpack(backup, fresh)
        return _check_store(backup, fresh, now)


def _unpack(backup: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(backup) as archive:
            members = _members(archive, backup)
            expected = _listed(archive, members, backup)
            for name, (length, sha256) in expected.items():
                if (length, sha256) != digest_of(_copied(archive, members[name], folder / name)):
                    raise _refusal(backup, f"{name} is not what its list tells")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        # What zipfile raises for a ZIP that is cut off, written over, of an odd method, or encrypted.
        raise _refusal(backup, f"it is no ZIP, or a damaged one ({error})") from error


def _members(archive: zipfile.ZipFile, backup: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; Raises IntegrityFailed for a name, a method or a size that no backup has."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name not in (MANIFEST, STORE_FILE) and not _is_picture(name):
            raise _refusal(backup, f"it holds {shown(name)}, which no backup does")
        if name in found:
            raise _refusal(backup, f"it holds {name} twice")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 1:
            raise _refusal(backup, f"{name} is compressed or encrypted, which no backup is")
        found[name] = info
    if sum(info.file_size for info in found.values()) > backup.stat().st_size:
        raise _refusal(backup, "it unpacks to more than its own size")
    return found


def _is_picture(name: str) -> bool:
    return name.startswith("pictures/") and MEMBER.fullmatch(name.removeprefix("pictures/")) is not None


def _listed(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], backup: Path) -> dict[str, tuple[int, str]]:
    """Return length and SHA-256 by name as the list tells; Raises IntegrityFailed if it does not name what is there."""
    if MANIFEST not in members or members[MANIFEST].file_size > _MANIFEST_BYTES:
        raise _refusal(backup, f"it holds no {MANIFEST}, or one that is too long")
    what = f"the list of {backup}"
    document = parse_object(archive.read(MANIFEST), what, mend=_MEND, error_class=IntegrityFailed)
    if document.get("schema") != SCHEMA:
        raise SchemaUnknown(f"cannot restore {backup}: it is a {shown(document.get('schema'))}, expected {SCHEMA}")
    fields = Fields(document, "it", ("schema", "made_at", "audit", "files"), what=what, error_class=IntegrityFailed)
    files = fields.value("files")
    if not isinstance(files, dict) or set(files) | {MANIFEST} != set(members) or STORE_FILE not in files:
        raise _refusal(backup, "its list names other files than it holds")
    listed = {}
    for name, entry in files.items():
        one = Fields(entry, name, ("bytes", "sha256"), what=what, error_class=IntegrityFailed)
        if one.value("bytes") != members[name].file_size:
            raise _refusal(backup, f"{name} is not as long as its list tells")
        listed[name] = (members[name].file_size, one.text("sha256"))
    return listed


def _copied(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Iterator[bytes]:
    """Write a member to *path* and give its pieces."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target, archive.open(info) as source:
        while piece := source.read(_PIECE):
            target.write(piece)
            yield piece


def _check_store(backup: Path, folder: Path, now: Clock) -> int:
    """Check the tables, their audit log and the files of each picture; bring the store up to date; log phones off."""
    path = folder / STORE_FILE
    try:
        with closing(sqlite3.connect(path)) as connection:
            _check_schema(backup, connection)
    except sqlite3.DatabaseError as error:
        raise _refusal(backup, f"its {STORE_FILE} is damaged ({error})") from error
    database = Database(path, now=now)
    try:
        database.check()
        audit = Audit(database)
        if (broken := audit.verify()) is not None:
            raise _refusal(backup, f"its audit log does not hold from line {broken} on")
        _check_pictures(backup, database, folder / "pictures")
        with database.writing() as connection:
            connection.execute("DELETE FROM pairing_tokens")
            connection.execute("UPDATE phones SET revoked_at = ? WHERE revoked_at IS NULL", (text_from_time(now()),))
            waited = connection.execute(
                "UPDATE outbox SET state = 'draft', next_try_at = NULL, last_error = NULL WHERE state = 'queued'"
            ).rowcount
            detail = f"from a backup, phones logged off, {waited} cases out of the queue"
            audit.record(connection, who=BOX, what="store restored", detail=detail)
        return waited
    finally:
        database.close()


def _check_schema(backup: Path, connection: sqlite3.Connection) -> None:
    """Check that the file holds our tables, and nothing besides that could act by itself."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise SchemaUnknown(
            f"cannot restore {backup}: its store is version {version}, this program knows {len(MIGRATIONS)}; "
            "install the newer skinseg-edge that made it"
        )
    with closing(sqlite3.connect(":memory:")) as ours:
        for step in MIGRATIONS[:version]:
            for statement in step:
                ours.execute(statement)
        if _schema_of(ours) != _schema_of(connection):
            raise _refusal(backup, "its tables are not those that this program makes")


def _schema_of(connection: sqlite3.Connection) -> list[str]:
    return sorted(json.dumps(row) for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


def _check_pictures(backup: Path, database: Database, folder: Path) -> None:
    """Check that each picture has its three files, the original being what was kept, and that no file is left over."""
    known = {row["id"]: row for row in database.rows("SELECT id, format, sha256 FROM pictures")}
    for picture_id, row in known.items():
        if not re.fullmatch("[a-z2-7]{12}", picture_id) or not re.fullmatch("[a-z]{3,4}", row["format"]):
            raise _refusal(backup, "a picture in it has a name that this program gives to none")
        original = folder / picture_id / f"original.{row['format']}"
        for path in (original, folder / picture_id / "working.jpg", folder / picture_id / "mask.png"):
            if not path.is_file():
                raise _refusal(backup, f"the file {path.name} of picture {picture_id} is missing")
        with original.open("rb") as stream:
            if digest_of(iter(lambda: stream.read(_PIECE), b""))[1] != row["sha256"]:
                raise _refusal(backup, f"the original of picture {picture_id} is not what was kept")
    left_over = {path.name for path in folder.iterdir()} - set(known) if folder.is_dir() else set()
    if left_over:
        raise _refusal(backup, f"it holds files of a picture that its store does not know: {min(left_over)}")


def _refusal(backup: Path, reason: str) -> IntegrityFailed:
    return IntegrityFailed(f"cannot restore {backup}: {reason}; {_MEND}")
