"""A backup: the whole store in one ZIP, taken while the box goes on, with the SHA-256 of every file in it.

    manifest.json            "skinseg.demo.backup/1": bytes and SHA-256 by name, and the head of the audit log
    store.sqlite             as SQLite's backup interface copied it: one moment of the store
    pictures/<id>/...        every file of every picture of that moment

Nothing in it is compressed, pictures are already: so what a ZIP unpacks to is never more than its own size, and
`restore` refuses the others. It holds patients' pictures: it is made for this user alone, and where it goes is up to
them.
"""

import hashlib
import json
import os
import secrets
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from skinseg_demo.left_parts import remove_left_parts
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.database import refusing_sqlite_errors
from skinseg_demo.store.picture_files import MEMBER
from skinseg_edge.atomic_files import check_free, refusing_output_errors
from skinseg_edge.errors import DeviceUnready, IntegrityFailed

__all__ = ["MANIFEST", "SCHEMA", "STORE_FILE", "digest_of", "write_backup"]

SCHEMA = "skinseg.demo.backup/1"
MANIFEST = "manifest.json"
STORE_FILE = "store.sqlite"

_TRIES = 3  # a case may be deleted while its pictures are copied
_PIECE = 1 << 20


class _PictureGone(Exception):
    """A picture was deleted while it was copied."""


def write_backup(store_folder: Path, target: Path, made_at: datetime) -> None:
    """Write a backup of the store in *store_folder* to *target*, verify it, and only then give it its name.

    Raises OutputRefused if something is there or the place refuses, IntegrityFailed if a file of the store is not what
    its row says or the ZIP does not read back, DeviceUnready if cases were deleted each time it was tried.
    """
    check_free(target)
    remove_left_parts(target.parent)
    with refusing_output_errors(target), _temporary_name(target) as temporary:
        for _ in range(_TRIES):
            try:
                digests = _write_zip(store_folder, temporary, made_at)
            except _PictureGone:
                continue
            _verify(temporary, digests)
            temporary.rename(target)
            return
    raise DeviceUnready(f"cannot write {target}: pictures were deleted meanwhile, {_TRIES} times; try again")


def digest_of(stream: Iterator[bytes]) -> tuple[int, str]:
    """Return the length in bytes and the SHA-256 of what comes in pieces."""
    found, length = hashlib.sha256(), 0
    for piece in stream:
        found.update(piece)
        length += len(piece)
    return length, found.hexdigest()


def _write_zip(store_folder: Path, path: Path, made_at: datetime) -> dict[str, object]:
    """Write the ZIP and return the digests by name; Raises _PictureGone if a picture went meanwhile."""
    snapshot = path.with_suffix(".sqlite")
    try:
        head, originals = _take_snapshot(store_folder / STORE_FILE, snapshot)
        digests: dict[str, object] = {}
        with path.open("wb") as stream:
            path.chmod(0o600)
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                digests[STORE_FILE] = _put(archive, STORE_FILE, snapshot)
                for picture_id, (original, sha256) in originals.items():
                    digests |= _put_picture(archive, store_folder / "pictures" / picture_id, original, sha256)
                manifest = {"schema": SCHEMA, "made_at": text_from_time(made_at), "audit": head, "files": digests}
                archive.writestr(_info(MANIFEST), json.dumps(manifest, indent=1))
            stream.flush()
            os.fsync(stream.fileno())
        return digests
    finally:
        snapshot.unlink(missing_ok=True)


def _put_picture(archive: zipfile.ZipFile, folder: Path, original: str, sha256: str) -> dict[str, object]:
    """Copy a picture's files and return their digests by member.

    Raises _PictureGone if one went meanwhile, IntegrityFailed if the original is not what was kept.
    """
    digests: dict[str, object] = {}
    try:
        for name in _names(folder, original):
            put = _put(archive, f"pictures/{folder.name}/{name}", folder / name)
            digests[f"pictures/{folder.name}/{name}"] = put
            if name == original and put["sha256"] != sha256:
                raise IntegrityFailed(
                    f"cannot back up the store: the original of picture {folder.name} is not what was kept; the disk "
                    "may be failing: restore an older backup"
                )
    except FileNotFoundError as error:
        raise _PictureGone from error
    return digests


def _take_snapshot(source: Path, target: Path) -> tuple[dict[str, object], dict[str, tuple[str, str]]]:
    """Copy the rows of one moment; return the head of the audit log, and name and SHA-256 of each original by id."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        refusing_sqlite_errors(target),
        closing(sqlite3.connect(source)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
        head = copy.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone() or (0, "")
        rows = copy.execute("SELECT id, 'original.' || format, sha256 FROM pictures ORDER BY id").fetchall()
    return {"seq": head[0], "hash": head[1]}, {row[0]: (row[1], row[2]) for row in rows}


def _names(folder: Path, original: str) -> list[str]:
    names = sorted(path.name for path in folder.iterdir() if MEMBER.fullmatch(f"{folder.name}/{path.name}"))
    if original not in names:
        raise FileNotFoundError(folder / original)
    return names


def _put(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, object]:
    """Copy a file into the ZIP and return its length and SHA-256."""

    def copied() -> Iterator[bytes]:
        info = _info(name)
        info.file_size = path.stat().st_size
        with path.open("rb") as source, archive.open(info, "w") as target:
            while piece := source.read(_PIECE):
                target.write(piece)
                yield piece

    length, sha256 = digest_of(copied())
    return {"bytes": length, "sha256": sha256}


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    return info


def _verify(path: Path, digests: dict[str, object]) -> None:
    """Read the ZIP back; Raises IntegrityFailed if a file in it is not what was put in."""
    with zipfile.ZipFile(path) as archive:
        for name, expected in digests.items():
            with archive.open(name) as stream:
                length, sha256 = digest_of(iter(lambda: stream.read(_PIECE), b""))
            if {"bytes": length, "sha256": sha256} != expected:
                raise IntegrityFailed(f"cannot back up the store: {name} did not read back; try another disk")


@contextmanager
def _temporary_name(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".skinseg-{secrets.token_hex(8)}.part")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
