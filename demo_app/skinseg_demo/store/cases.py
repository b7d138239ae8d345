"""Cases: one lesion of one person, counted by the year, known by a random id."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.case_fields import columns_from_fields
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_demo.store.picture_files import PictureFiles
from skinseg_edge.errors import FileMissing

__all__ = ["Case", "Cases", "check_case", "note_change"]

# What a new case holds until somebody says more.
_UNSAID: dict[str, str | float | None] = {
    "body_site": "",
    "body_view": None,
    "body_x": None,
    "body_y": None,
    "skin_type": None,
    "history": "{}",
    "checklist": "{}",
    "note": "",
}


@dataclass(frozen=True)
class Case:
    """A lesion and what was said about it.

    *number*: such as "2026-0001", counted and never used twice. *revision*: counts changes, of its pictures, too.
    *body_x*, *body_y*: place on the drawn body of *body_view*, 0..1 from its left and top. *skin_type*: I..VI as a
    person judged it. *history*, *checklist*: yes, no or not asked by tick; no total.
    """

    id: str
    number: str
    revision: int
    body_site: str
    body_view: str | None
    body_x: float | None
    body_y: float | None
    skin_type: str | None
    history: dict[str, bool | None]
    checklist: dict[str, bool | None]
    note: str
    created_at: datetime
    updated_at: datetime


class Cases:
    """The table `cases`; *who* is the phone that asks, for the audit log."""

    def __init__(self, database: Database, audit: Audit, files: PictureFiles) -> None:
        """Keep them in *database* and their pictures in *files*; *audit* hears of every change."""
        self._database = database
        self._audit = audit
        self._files = files

    def create(self, fields: Mapping[str, object] = MappingProxyType({}), *, who: str = BOX) -> Case:
        """Begin a case with *fields* as of `columns_from_fields`; its outbox state is "draft".

        Raises InputError for a field that does not fit, DeviceUnready if the disk refuses.
        """
        columns = _UNSAID | columns_from_fields(fields)
        now = self._database.now()
        case_id = new_id()
        with self._database.writing() as connection:
            number = _next_number(connection, now.year)
            at = text_from_time(now)
            connection.execute(
                f"INSERT INTO cases (id, number, revision, {', '.join(columns)}, created_at, updated_at) "
                f"VALUES (?, ?, 1, {', '.join('?' * len(columns))}, ?, ?)",
                (case_id, number, *columns.values(), at, at),
            )
            connection.execute("INSERT INTO outbox (case_id, state, tries) VALUES (?, 'draft', 0)", (case_id,))
            self._audit.record(connection, who=who, what="case created", detail=f"number {number}", case_id=case_id)
        return self.get(case_id)

    def get(self, case_id: str) -> Case:
        """Return a case.

        Raises FileMissing if there is none with this id, or it was deleted.
        """
        row = self._database.row("SELECT * FROM cases WHERE id = ? AND deleted_at IS NULL", case_id)
        if row is None:
            raise _no_case()
        return _case_from(row)

    def list(self) -> list[Case]:
        """Return every case that was not deleted, the latest changed first."""
        rows = self._database.rows("SELECT * FROM cases WHERE deleted_at IS NULL ORDER BY updated_at DESC, number DESC")
        return [_case_from(row) for row in rows]

    def update(self, case_id: str, changes: Mapping[str, object], *, who: str = BOX) -> Case:
        """Change the fields named, as of `columns_from_fields`, leave the others, and return the case.

        Raises InputError for a field that does not fit, FileMissing if there is no such case.
        """
        columns = columns_from_fields(changes)
        with self._database.writing() as connection:
            check_case(connection, case_id)
            if columns:
                connection.execute(
                    f"UPDATE cases SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
                    (*columns.values(), case_id),
                )
                note_change(connection, case_id, self._database.now())
                detail = ", ".join(sorted(columns))
                self._audit.record(connection, who=who, what="case changed", detail=detail, case_id=case_id)
        return self.get(case_id)

    def delete(
        self,
        case_id: str,
        *,
        who: str = BOX,
        why: str = "asked for",
        only_if: Callable[[sqlite3.Connection], bool] = lambda _: True,
    ) -> bool:
        """Delete all of a case but its number and dates: rows first, then files, so that no row points at nothing.

        *why*: fixed words for the audit log. *only_if*: is asked inside the transaction; returns whether it said yes.

        Raises FileMissing if there is no such case.
        """
        with self._database.writing() as connection:
            check_case(connection, case_id)
            if not only_if(connection):
                return False
            pictures = _empty_case(connection, case_id, text_from_time(self._database.now()))
            self._audit.record(
                connection, who=who, what="case deleted", detail=f"{why}, {len(pictures)} pictures", case_id=case_id
            )
        for picture_id in pictures:
            self._files.remove(picture_id)
        self._database.fold()
        return True


def check_case(connection: sqlite3.Connection, case_id: str) -> None:
    """Check inside a transaction that a case is there.

    Raises FileMissing if it is not, or was deleted.
    """
    if connection.execute("SELECT 1 FROM cases WHERE id = ? AND deleted_at IS NULL", (case_id,)).fetchone() is None:
        raise _no_case()


def note_change(connection: sqlite3.Connection, case_id: str, now: datetime) -> None:
    """Count a change of a case, or of what belongs to it, inside the change's transaction."""
    connection.execute(
        "UPDATE cases SET revision = revision + 1, updated_at = ? WHERE id = ?", (text_from_time(now), case_id)
    )


def _next_number(connection: sqlite3.Connection, year: int) -> str:
    last = connection.execute(
        "INSERT INTO case_numbers VALUES (?, 1) ON CONFLICT (year) DO UPDATE SET last = last + 1 RETURNING last",
        (year,),
    ).fetchone()[0]
    return f"{year:04d}-{last:04d}"


def _empty_case(connection: sqlite3.Connection, case_id: str, at: str) -> list[str]:
    """Delete the rows of a case but its own, which loses what it says; return the ids of its pictures."""
    of_case = "SELECT id FROM visits WHERE case_id = ?"
    found = connection.execute(f"SELECT id FROM pictures WHERE visit_id IN ({of_case})", (case_id,)).fetchall()
    connection.execute(f"DELETE FROM pictures WHERE visit_id IN ({of_case})", (case_id,))
    for table in ("visits", "consents", "outbox", "replies"):
        connection.execute(f"DELETE FROM {table} WHERE case_id = ?", (case_id,))
    connection.execute(
        f"UPDATE cases SET {', '.join(f'{name} = ?' for name in _UNSAID)}, deleted_at = ? WHERE id = ?",
        (*_UNSAID.values(), at, case_id),
    )
    return [row["id"] for row in found]


def _no_case() -> FileMissing:
    return FileMissing("cannot find this case: there is none, or it was deleted; go back to the list of cases")


def _case_from(row: sqlite3.Row) -> Case:
    return Case(
        id=row["id"],
        number=row["number"],
        revision=row["revision"],
        body_site=row["body_site"],
        body_view=row["body_view"],
        body_x=row["body_x"],
        body_y=row["body_y"],
        skin_type=row["skin_type"],
        history=json.loads(row["history"]),
        checklist=json.loads(row["checklist"]),
        note=row["note"],
        created_at=time_from_text(row["created_at"]),
        updated_at=time_from_text(row["updated_at"]),
    )
