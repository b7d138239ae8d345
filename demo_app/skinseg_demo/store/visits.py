"""Visits: each time that the lesion of a case was photographed; the second one is a follow-up."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import check_case, note_change
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_edge.errors import FileMissing

__all__ = ["Visit", "Visits"]

_LAST = "SELECT * FROM visits WHERE case_id = ? ORDER BY rowid DESC LIMIT 1"
_HAS_PICTURE = "SELECT 1 FROM pictures WHERE visit_id = ? LIMIT 1"


@dataclass(frozen=True)
class Visit:
    """One time; *phone_id*: who began it."""

    id: str
    case_id: str
    made_at: datetime
    phone_id: str


class Visits:
    """The table `visits`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep them in *database*; *audit* hears of each."""
        self._database = database
        self._audit = audit

    def add(self, case_id: str, *, who: str = BOX) -> Visit:
        """Begin a visit.

        Raises FileMissing if there is no such case.
        """
        with self._database.writing() as connection:
            return self._add(connection, case_id, who)

    def last_or_new(self, case_id: str, *, who: str = BOX) -> Visit:
        """Return the last visit of a case, begun now where there is none yet; two who ask at once get the same one.

        Raises FileMissing if there is no such case.
        """
        with self._database.writing() as connection:
            last = connection.execute(_LAST, (case_id,)).fetchone()
            return self._add(connection, case_id, who) if last is None else _visit_from(last)

    def follow_up(self, case_id: str, *, who: str = BOX) -> Visit:
        """Begin a visit, unless the last one has no picture yet, and return it; two who ask at once get the same one.

        Raises FileMissing if there is no such case.
        """
        with self._database.writing() as connection:
            last = connection.execute(_LAST, (case_id,)).fetchone()
            if last is None or connection.execute(_HAS_PICTURE, (last["id"],)).fetchone() is not None:
                return self._add(connection, case_id, who)
            return _visit_from(last)

    def get(self, visit_id: str) -> Visit:
        """Return a visit.

        Raises FileMissing if there is none with this id.
        """
        row = self._database.row("SELECT * FROM visits WHERE id = ?", visit_id)
        if row is None:
            raise FileMissing("cannot find this visit: there is none, or its case was deleted; go back to the cases")
        return _visit_from(row)

    def of_case(self, case_id: str) -> list[Visit]:
        """Return the visits of a case in the order in which they were made, whatever the clock said."""
        return [
            _visit_from(row)
            for row in self._database.rows("SELECT * FROM visits WHERE case_id = ? ORDER BY rowid", case_id)
        ]

    def _add(self, connection: sqlite3.Connection, case_id: str, who: str) -> Visit:
        visit = Visit(new_id(), case_id, self._database.now(), who)
        made_at = text_from_time(visit.made_at)
        check_case(connection, case_id)
        connection.execute("INSERT INTO visits VALUES (?, ?, ?, ?)", (visit.id, case_id, made_at, who))
        note_change(connection, case_id, visit.made_at)
        self._audit.record(connection, who=who, what="visit added", detail=f"visit {visit.id}", case_id=case_id)
        return visit


def _visit_from(row: sqlite3.Row) -> Visit:
    return Visit(row["id"], row["case_id"], time_from_text(row["made_at"]), row["phone_id"])
