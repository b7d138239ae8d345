"""Pictures and what was outlined on them; the files lie beside the table, see `picture_files`."""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import note_change
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_demo.store.picture_files import PictureFiles
from skinseg_demo.store.picture_rows import Picture, PictureRole, check_picture, picture_from_row, row_from_picture
from skinseg_edge.errors import FileMissing, InputError, IntegrityFailed

__all__ = ["Check", "Picture", "PictureRole", "Pictures", "WhichFile"]

Check = Callable[[sqlite3.Connection, str], None]
"""Asked inside the transaction about the id of a case; what it raises keeps the picture out of it."""

WhichFile = Literal["original", "working", "mask", "overlay"]

_NAMES = {"working": "working.jpg", "mask": "mask.png", "overlay": "overlay.jpg"}


class Pictures:
    """The table `pictures`; *who* is the phone that asks, for the audit log."""

    def __init__(self, database: Database, audit: Audit, files: PictureFiles) -> None:
        """Keep them in *database* and *files*; *audit* hears of every change."""
        self._database = database
        self._audit = audit
        self._files = files

    def add(
        self,
        visit_id: str | None,
        role: PictureRole,
        *,
        original: bytes,
        extension: str,
        sha256: str,
        received_sha256: str,
        hw: tuple[int, int],
        working_jpeg: bytes,
        mask_png: bytes,
        result: Mapping[str, object],
        verdict: str | None,
        sent_anyway: bool,
        who: str = BOX,
        check: Check = lambda _connection, _case_id: None,
    ) -> Picture:
        """Keep a picture: its files, then its row. Both are on the disk when this returns.

        *check*: is asked where the picture is of a visit; putting the files on the disk takes its time.

        Raises FileMissing if there is no such visit, InputError for a role, an extension or a result that is none,
        IntegrityFailed if *sha256* is not of *original*, DeviceUnready if the disk is full or refuses.
        """
        check_picture(role, extension, result)
        if hashlib.sha256(original).hexdigest() != sha256:
            raise IntegrityFailed("cannot keep the picture: its SHA-256 is not the one that was told; send it again")
        now = self._database.now()
        picture = Picture(
            new_id(), visit_id, role, sha256, received_sha256, extension, hw, now, verdict, sent_anyway, dict(result)
        )
        self._files.write(
            picture.id, {f"original.{extension}": original, "working.jpg": working_jpeg, "mask.png": mask_png}
        )
        try:
            self._insert(picture, who, check)
        except BaseException:
            if self._is_surely_absent(picture.id):
                self._files.remove(picture.id)
            raise
        return picture

    def get(self, picture_id: str) -> Picture:
        """Return a picture.

        Raises FileMissing if there is none with this id.
        """
        row = self._database.row("SELECT * FROM pictures WHERE id = ?", picture_id)
        if row is None:
            raise _no_picture()
        return picture_from_row(row)

    def file(self, picture_id: str, which: WhichFile) -> Path:
        """Return the path of a picture's file.

        Raises FileMissing if there is no such picture, or it has no such file.
        """
        picture = self.get(picture_id)  # an id out of an address that is none of ours ends here
        name = f"original.{picture.extension}" if which == "original" else _NAMES[which]
        path = self._files.folder / picture.id / name
        if not path.is_file():
            raise FileMissing(f"cannot find the file '{which}' of this picture: none was made; go back to the case")
        return path

    def names(self, picture_id: str) -> list[str]:
        """Return the names of a picture's files, sorted."""
        return self._files.names(self.get(picture_id).id)

    def of_visit(self, visit_id: str) -> list[Picture]:
        """Return the pictures of a visit, in the order in which they came."""
        rows = self._database.rows("SELECT * FROM pictures WHERE visit_id = ? ORDER BY rowid", visit_id)
        return [picture_from_row(row) for row in rows]

    def of_case(self, case_id: str) -> list[Picture]:
        """Return the pictures of a case, visit by visit."""
        rows = self._database.rows(
            "SELECT pictures.* FROM pictures JOIN visits ON visits.id = visit_id WHERE case_id = ? "
            "ORDER BY visits.rowid, pictures.rowid",
            case_id,
        )
        return [picture_from_row(row) for row in rows]

    def attach(
        self,
        picture_id: str,
        visit_id: str,
        *,
        who: str = BOX,
        check: Check = lambda _connection, _case_id: None,
    ) -> Picture:
        """Make a loose picture part of a visit; one that is part of it already stays so.

        Raises FileMissing if one of them is not there, InputError if the picture is part of another visit.
        """
        with self._database.writing() as connection:
            row = connection.execute("SELECT visit_id FROM pictures WHERE id = ?", (picture_id,)).fetchone()
            if row is None:
                raise _no_picture()
            if row["visit_id"] not in (None, visit_id):
                raise InputError(
                    "cannot add this picture to the case: it is part of another visit; take a new picture for this one"
                )
            if row["visit_id"] is None:
                case_id = self._case_of(connection, visit_id)
                check(connection, case_id)
                connection.execute("UPDATE pictures SET visit_id = ? WHERE id = ?", (visit_id, picture_id))
                self._audit.record(
                    connection, who=who, what="picture attached", detail=f"picture {picture_id}", case_id=case_id
                )
        return self.get(picture_id)

    def keep_overlay(self, picture_id: str, jpeg: bytes) -> None:
        """Keep the photo with its outline drawn on it, for reports; an older one is replaced.

        Raises FileMissing if there is no such picture, DeviceUnready if the disk is full or refuses.
        """
        self._files.add(self.get(picture_id).id, "overlay.jpg", jpeg)

    def note_sent_anyway(self, picture_id: str, *, who: str = BOX) -> None:
        """Write down that a person keeps a picture which the quality gate would have taken again.

        Raises FileMissing if there is no such picture.
        """
        with self._database.writing() as connection:
            row = connection.execute("SELECT visit_id FROM pictures WHERE id = ?", (picture_id,)).fetchone()
            if row is None:
                raise _no_picture()
            case_id = None if row["visit_id"] is None else self._case_of(connection, row["visit_id"])
            connection.execute("UPDATE pictures SET sent_anyway = 1 WHERE id = ?", (picture_id,))
            self._audit.record(
                connection, who=who, what="picture sent anyway", detail=f"picture {picture_id}", case_id=case_id
            )

    def delete(
        self,
        picture_id: str,
        *,
        who: str = BOX,
        why: str = "asked for",
        only_if: Callable[[sqlite3.Connection], bool] = lambda _: True,
    ) -> bool:
        """Delete a picture: its row, then its files.

        *why*: fixed words for the audit log. *only_if*: is asked inside the transaction; returns whether it said yes.

        Raises FileMissing if there is none with this id.
        """
        with self._database.writing() as connection:
            row = connection.execute("SELECT visit_id FROM pictures WHERE id = ?", (picture_id,)).fetchone()
            if row is None:
                raise _no_picture()
            if not only_if(connection):
                return False
            case_id = None if row["visit_id"] is None else self._case_of(connection, row["visit_id"])
            connection.execute("DELETE FROM pictures WHERE id = ?", (picture_id,))
            self._audit.record(
                connection, who=who, what="picture deleted", detail=f"{why}, picture {picture_id}", case_id=case_id
            )
        self._files.remove(picture_id)
        self._database.fold()
        return True

    def delete_loose(self, picture_id: str, *, who: str = BOX, why: str = "asked for") -> bool:
        """Delete a picture that is part of no case; return False, and leave it, if it became part of one.

        Raises FileMissing if there is none with this id.
        """

        def is_loose(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT visit_id IS NULL FROM pictures WHERE id = ?", (picture_id,)).fetchone()
            return bool(row[0])

        return self.delete(picture_id, who=who, why=why, only_if=is_loose)

    def _insert(self, picture: Picture, who: str, check: Check) -> None:
        row = row_from_picture(picture)
        with self._database.writing() as connection:
            case_id = None if picture.visit_id is None else self._case_of(connection, picture.visit_id)
            if case_id is not None:
                check(connection, case_id)
            connection.execute(f"INSERT INTO pictures VALUES ({', '.join('?' * len(row))})", row)
            self._audit.record(
                connection, who=who, what="picture added", detail=f"picture {picture.id}", case_id=case_id
            )

    def _case_of(self, connection: sqlite3.Connection, visit_id: str) -> str:
        """Return the case of a visit and count the change; Raises FileMissing if there is no such visit."""
        row = connection.execute("SELECT case_id FROM visits WHERE id = ?", (visit_id,)).fetchone()
        if row is None:
            raise FileMissing("cannot add this picture: there is no such visit; go back to the list of cases")
        note_change(connection, row["case_id"], self._database.now())
        case_id: str = row["case_id"]
        return case_id

    def _is_surely_absent(self, picture_id: str) -> bool:
        """Answer whether a failed write left no row; where even that cannot be read, the next start will know."""
        try:
            return self._database.row("SELECT 1 FROM pictures WHERE id = ?", picture_id) is None
        except Exception:  # noqa: BLE001  # whatever it was, the first error is the one to tell
            return False


def _no_picture() -> FileMissing:
    return FileMissing("cannot find this picture: there is none, or it was deleted; go back to the case")
