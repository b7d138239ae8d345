"""The outbox: whether a case is a draft, waits to be sent, was sent, or was answered.

A state outlives a power cut: nothing is "being sent", so what was cut off is still queued. A package is told apart by
its SHA-256, which the receiver gets as the key of the request: one that arrived and was not acknowledged comes again
under the same key.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import check_case
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.consents import is_care_allowed
from skinseg_demo.store.database import Database
from skinseg_edge.errors import FileMissing, InputError

__all__ = ["LONGEST_WAIT", "Outbox", "OutboxEntry", "OutboxState", "mark_answered", "wait_after"]

OutboxState = Literal["draft", "queued", "sent", "answered"]

LONGEST_WAIT = timedelta(hours=1)
_FIRST_WAIT = timedelta(seconds=30)
_ERROR_LETTERS = 500


@dataclass(frozen=True)
class OutboxEntry:
    """The state of one case.

    *tries*: that failed since it was queued. *last_error*: why, in one sentence. *package_sha256*: of what the receiver
    acknowledged last.
    """

    case_id: str
    state: OutboxState
    tries: int
    next_try_at: datetime | None
    last_error: str | None
    package_sha256: str | None
    queued_at: datetime | None
    sent_at: datetime | None
    answered_at: datetime | None


class Outbox:
    """The table `outbox`; *on_queue* are called, in the thread that queues, after a case was queued."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep it in *database*; *audit* hears of every change of a state."""
        self._database = database
        self._audit = audit
        self.on_queue: list[Callable[[], None]] = []

    def get(self, case_id: str) -> OutboxEntry:
        """Return the state of a case.

        Raises FileMissing if there is no such case.
        """
        row = self._database.row("SELECT * FROM outbox WHERE case_id = ?", case_id)
        if row is None:
            raise FileMissing("cannot find this case: there is none, or it was deleted; go back to the list of cases")
        return _entry_from(row)

    def queue(self, case_id: str, *, who: str = BOX) -> OutboxEntry:
        """Let a case be sent, for the first time or again, as soon as there is a way.

        Raises FileMissing if there is no such case, InputError if nobody recorded a consent to care, or it was
        withdrawn, or if the case has no picture.
        """
        now = text_from_time(self._database.now())
        with self._database.writing() as connection:
            check_case(connection, case_id)
            _check_sendable(connection, case_id)
            connection.execute(
                "UPDATE outbox SET state = 'queued', tries = 0, next_try_at = ?, last_error = NULL, queued_at = ?, "
                "sent_at = NULL, answered_at = NULL WHERE case_id = ?",
                (now, now, case_id),
            )
            self._audit.record(connection, who=who, what="case queued", case_id=case_id)
        for told in tuple(self.on_queue):
            told()
        return self.get(case_id)

    def try_now(self, *, who: str = BOX) -> None:
        """Let everything that is queued be tried at once, whatever wait is on; since when it waits stays as it is."""
        now = text_from_time(self._database.now())
        with self._database.writing() as connection:
            connection.execute("UPDATE outbox SET next_try_at = ? WHERE state = 'queued'", (now,))
            self._audit.record(connection, who=who, what="queue tried now")
        for told in tuple(self.on_queue):
            told()

    def due(self, now: datetime | None = None) -> list[OutboxEntry]:
        """Return what should be sent now, the longest due first.

        A time further away than the longest wait was written under a clock that was wrong: due, too.
        """
        now = now or self._database.now()
        rows = self._database.rows(
            "SELECT * FROM outbox WHERE state = 'queued' AND (next_try_at <= ? OR next_try_at > ?) "
            "ORDER BY next_try_at, rowid",
            text_from_time(now),
            text_from_time(now + LONGEST_WAIT),
        )
        return [_entry_from(row) for row in rows]

    def mark_sent(self, case_id: str, package_sha256: str, *, revision: int | None = None) -> bool:
        """Note that the receiver acknowledged a package; return whether the case is now sent.

        *revision*: of the case when it was packed; one that changed meanwhile stays queued, and goes again as it is
        now. A case that was taken out of the queue meanwhile stays a draft, which was sent all the same; of one that
        was deleted only the audit log tells.
        """
        now = text_from_time(self._database.now())
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT revision FROM cases JOIN outbox ON case_id = id WHERE id = ?", (case_id,)
            ).fetchone()
            if row is None:
                detail = f"package {package_sha256[:16]}, deleted meanwhile"  # a copy is there all the same
                self._audit.record(connection, who=BOX, what="case sent", detail=detail, case_id=case_id)
                return False
            is_current = revision in (None, row["revision"])
            self._audit.record(
                connection, who=BOX, what="case sent", detail=f"package {package_sha256[:16]}", case_id=case_id
            )
            connection.execute(
                "UPDATE outbox SET package_sha256 = ?, sent_at = ? WHERE case_id = ? AND state = 'draft'",
                (package_sha256, now, case_id),
            )
            if is_current:
                changed = connection.execute(
                    "UPDATE outbox SET state = 'sent', next_try_at = NULL, last_error = NULL, package_sha256 = ?, "
                    "sent_at = ? WHERE case_id = ? AND state = 'queued'",
                    (package_sha256, now, case_id),
                )
                return changed.rowcount == 1
            connection.execute(
                "UPDATE outbox SET tries = 0, next_try_at = ?, package_sha256 = ? WHERE case_id = ? "
                "AND state = 'queued'",
                (now, package_sha256, case_id),
            )
        return False

    def mark_failed(self, case_id: str, error: str, *, wait: timedelta | None = None) -> OutboxEntry:
        """Note that a try failed, and why; the next one comes after *wait* or, without it, a wait that grows.

        Raises FileMissing if the case was deleted meanwhile.
        """
        entry = self.get(case_id)
        tries = entry.tries + 1
        next_try_at = self._database.now() + min(max(wait or timedelta(), wait_after(tries)), LONGEST_WAIT)
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE outbox SET tries = ?, next_try_at = ?, last_error = ? WHERE case_id = ? AND state = 'queued'",
                (tries, text_from_time(next_try_at), error[:_ERROR_LETTERS], case_id),
            )
            if tries == 1:  # a month without a network is told once
                self._audit.record(connection, who=BOX, what="case not sent", detail="first try", case_id=case_id)
        return self.get(case_id)

    def mark_answered(self, case_id: str, *, who: str = BOX) -> OutboxEntry:
        """Note that somebody answered, in whatever way; the time of the retention runs from now.

        Raises FileMissing if there is no such case.
        """
        with self._database.writing() as connection:
            check_case(connection, case_id)
            mark_answered(connection, case_id, self._database.now())
            self._audit.record(connection, who=who, what="case answered", case_id=case_id)
        return self.get(case_id)

    def list(self) -> list[OutboxEntry]:
        """Return the state of every case, what was queued last first, drafts at the end."""
        return [_entry_from(row) for row in self._database.rows("SELECT * FROM outbox ORDER BY queued_at DESC, rowid")]


def mark_answered(connection: sqlite3.Connection, case_id: str, now: datetime) -> None:
    """Change the state of a case to "answered" inside a transaction; what is queued is news, and still goes out."""
    connection.execute(
        "UPDATE outbox SET state = iif(state = 'queued', state, 'answered'), answered_at = ? WHERE case_id = ?",
        (text_from_time(now), case_id),
    )


def wait_after(tries: int) -> timedelta:
    """Return how long to wait after so many failed tries.

    >>> [wait_after(tries).seconds for tries in (1, 2, 3, 7, 8, 1000)]
    [30, 60, 120, 1920, 3600, 3600]
    """
    doubled = 1 << min(tries - 1, 10)
    return min(_FIRST_WAIT * doubled, LONGEST_WAIT)


def _check_sendable(connection: sqlite3.Connection, case_id: str) -> None:
    """Check that a case may be sent and has something to send; Raises InputError."""
    if not is_care_allowed(connection, case_id):
        raise InputError(
            "cannot send this case: no consent to care is recorded, or it was withdrawn; ask, and record the answer"
        )
    picture = connection.execute(
        "SELECT 1 FROM pictures JOIN visits ON visits.id = visit_id WHERE case_id = ? LIMIT 1", (case_id,)
    ).fetchone()
    if picture is None:
        raise InputError("cannot send this case: it has no picture; take one first")


def _entry_from(row: sqlite3.Row) -> OutboxEntry:
    return OutboxEntry(
        case_id=row["case_id"],
        state=row["state"],
        tries=row["tries"],
        next_try_at=_time_or_none(row["next_try_at"]),
        last_error=row["last_error"],
        package_sha256=row["package_sha256"],
        queued_at=_time_or_none(row["queued_at"]),
        sent_at=_time_or_none(row["sent_at"]),
        answered_at=_time_or_none(row["answered_at"]),
    )


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else time_from_text(text)
