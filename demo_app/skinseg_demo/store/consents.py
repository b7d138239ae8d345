"""Consents: to care and to teaching apart, each line kept as it was given; the latest one holds."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import check_case, note_change
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import shown

__all__ = ["Consent", "ConsentKind", "Consents", "is_care_allowed"]

ConsentKind = Literal["care", "teaching"]

_KINDS = ("care", "teaching")
_WHO_LETTERS = 80


@dataclass(frozen=True)
class Consent:
    """One answer, given or withdrawn; *who* wrote it down, in their own words."""

    id: str
    case_id: str
    kind: ConsentKind
    is_given: bool
    who: str
    at: datetime


class Consents:
    """The table `consents`, which only grows until its case is deleted."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep them in *database*; *audit* hears of each, without *who*."""
        self._database = database
        self._audit = audit

    def record(self, case_id: str, kind: ConsentKind, is_given: bool, *, who: str = "", phone_id: str = BOX) -> Consent:
        """Write down what was answered.

        Withdrawing the consent to care takes the case out of the queue: what was sent before stays sent.

        Raises FileMissing if there is no such case, InputError for another kind or a *who* of over 80 letters.
        """
        if kind not in _KINDS or len(who) > _WHO_LETTERS or not who.isprintable():
            raise InputError(
                f"cannot record the consent: got {shown(kind)} by {shown(who)}, expected one of {', '.join(_KINDS)} by "
                f"somebody in at most {_WHO_LETTERS} letters"
            )
        now = self._database.now()
        consent = Consent(new_id(), case_id, kind, is_given, who, now)
        with self._database.writing() as connection:
            check_case(connection, case_id)
            connection.execute(
                "INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?)",
                (consent.id, case_id, kind, int(is_given), who, text_from_time(now)),
            )
            note_change(connection, case_id, now)
            if kind == "care" and not is_given:
                connection.execute(
                    "UPDATE outbox SET state = 'draft', next_try_at = NULL WHERE case_id = ? AND state = 'queued'",
                    (case_id,),
                )
            what = f"consent {'given' if is_given else 'withdrawn'}"
            self._audit.record(connection, who=phone_id, what=what, detail=kind, case_id=case_id)
        return consent

    def of_case(self, case_id: str) -> list[Consent]:
        """Return all that was answered, in the order in which it was."""
        rows = self._database.rows("SELECT * FROM consents WHERE case_id = ? ORDER BY rowid", case_id)
        return [_consent_from(row) for row in rows]

    def holds(self, case_id: str, kind: ConsentKind) -> bool:
        """Answer whether the consent was given and not withdrawn since."""
        answers = [consent.is_given for consent in self.of_case(case_id) if consent.kind == kind]
        return bool(answers) and answers[-1]


def is_care_allowed(connection: sqlite3.Connection, case_id: str) -> bool:
    """Answer, inside a transaction, whether the consent to care holds."""
    row = connection.execute(
        "SELECT is_given FROM consents WHERE case_id = ? AND kind = 'care' ORDER BY rowid DESC LIMIT 1", (case_id,)
    ).fetchone()
    return row is not None and bool(row["is_given"])


def _consent_from(row: sqlite3.Row) -> Consent:
    return Consent(row["id"], row["case_id"], row["kind"], bool(row["is_given"]), row["who"], time_from_text(row["at"]))
