"""The audit log: who did what and when, each line holding the hash of the one before.

A line names a phone, a case and what was done: no person, no text that a person wrote, nothing of a picture. It is
written in the transaction of what it tells. Somebody who may write the file can make the whole chain anew; `head`,
written down elsewhere (every backup holds it), shows that.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database

__all__ = ["BOX", "Audit", "AuditEntry"]

BOX = "box"  # who, where no phone asked for it
_FIRST = "0" * 64


@dataclass(frozen=True)
class AuditEntry:
    """One line. *who*: the id of a phone, or "box". *hash*: SHA-256 over the rest, as the next line's *previous*."""

    seq: int
    at: datetime
    who: str
    what: str
    case_id: str | None
    detail: str
    previous: str
    hash: str


class Audit:
    """The table `audit`."""

    def __init__(self, database: Database) -> None:
        """Keep it in *database*."""
        self._database = database

    def record(
        self, connection: sqlite3.Connection, *, who: str, what: str, detail: str = "", case_id: str | None = None
    ) -> None:
        """Add a line inside the transaction of *connection*; *detail* holds fixed words, numbers and ids alone."""
        last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = (1, _FIRST) if last is None else (last["seq"] + 1, last["hash"])
        line = (seq, text_from_time(self._database.now()), who, what, case_id, detail, previous)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*line, _hash_of(line)))

    def head(self) -> tuple[int, str]:
        """Return number and hash of the last line: (0, 64 zeros) while there is none."""
        last = self._database.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        return (0, _FIRST) if last is None else (last["seq"], last["hash"])

    def verify(self) -> int | None:
        """Return the number of the first line that was changed, or at which one is missing; None if all hold."""
        previous, expected = _FIRST, 1
        for row in self._database.rows("SELECT * FROM audit ORDER BY seq"):
            line = tuple(row)[:-1]
            if row["seq"] != expected or row["previous"] != previous or _hash_of(line) != row["hash"]:
                return expected
            previous, expected = row["hash"], expected + 1
        return None

    def list(self, *, case_id: str | None = None, most: int = 200) -> list[AuditEntry]:
        """Return the latest lines, the newest first; of one case if it is named."""
        rows = self._database.rows(
            "SELECT * FROM audit WHERE ?1 IS NULL OR case_id = ?1 ORDER BY seq DESC LIMIT ?2", case_id, most
        )
        return [_entry_from(row) for row in rows]


def _hash_of(line: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _entry_from(row: sqlite3.Row) -> AuditEntry:
    seq, at, *rest = row
    return AuditEntry(seq, time_from_text(at), *rest)
