"""Paired phones, and the one-time tokens that pair them. Of both secrets only the SHA-256 is kept."""

import hmac
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id

__all__ = ["CLOCK_SLACK", "AuditLog", "Phone", "Phones", "Role"]

Role = Literal["phone", "admin"]

CLOCK_SLACK = timedelta(minutes=5)
"""How far a clock may be set back before what it told counts as of the future."""

_MOST_OPEN_TOKENS = 50
_SEEN_EVERY = timedelta(seconds=30)  # a write a request would wear the card of a Jetson


class AuditLog(Protocol):
    """Writes one line about a change, inside the change's own transaction."""

    def record(self, connection: sqlite3.Connection, *, who: str, what: str, detail: str) -> None:
        """Add the line: *who* did *what*; *detail* holds no name and no picture."""


@dataclass(frozen=True)
class Phone:
    """A browser that was paired: a nurse's phone, or the admin's."""

    id: str
    role: Role
    label: str
    paired_at: datetime
    seen_at: datetime
    revoked_at: datetime | None


class Phones:
    """The tables `phones` and `pairing_tokens`."""

    def __init__(self, database: Database, audit: AuditLog | None = None) -> None:
        """Keep them in *database*; *audit* hears of every pairing and revocation."""
        self._database = database
        self._audit = audit

    def now(self) -> datetime:
        """Return the store's time."""
        return self._database.now()

    def offer(self, token_sha256: str, role: Role, lifetime: timedelta) -> datetime:
        """Remember a new token and return when it ends; spent and ended ones are forgotten.

        At most 50 are open at a time: the oldest goes.
        """
        now = self._database.now()
        ends = now + lifetime
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM pairing_tokens WHERE used_at IS NOT NULL OR expires_at <= ?", (text_from_time(now),)
            )
            connection.execute(
                "DELETE FROM pairing_tokens WHERE token_sha256 NOT IN "
                "(SELECT token_sha256 FROM pairing_tokens ORDER BY made_at DESC LIMIT ?)",
                (_MOST_OPEN_TOKENS - 1,),
            )
            connection.execute(
                "INSERT INTO pairing_tokens VALUES (?, ?, ?, ?, NULL)",
                (token_sha256, role, text_from_time(now), text_from_time(ends)),
            )
        return ends

    def pair(self, token_sha256: str, secret_sha256: str, label: str) -> Phone | None:
        """Spend a token and write the phone it brings, in one step; None if no such token is open."""
        now = self._database.now()
        with self._database.writing() as connection:
            role = _spend(connection, token_sha256, now)
            if role is None:
                return None
            phone = Phone(new_id(), role, label, now, now, None)
            connection.execute(
                "INSERT INTO phones VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (phone.id, secret_sha256, role, label, text_from_time(now), text_from_time(now)),
            )
            self._record(connection, phone.id, "phone paired", f"role {role}")
        return phone

    def by_secret(self, secret_sha256: str) -> Phone | None:
        """Return the phone whose cookie has this SHA-256, revoked or not."""
        row = self._database.row("SELECT * FROM phones WHERE secret_sha256 = ?", secret_sha256)
        return None if row is None else _phone_from(row)

    def get(self, phone_id: str) -> Phone | None:
        """Return a phone by its id, revoked or not."""
        row = self._database.row("SELECT * FROM phones WHERE id = ?", phone_id)
        return None if row is None else _phone_from(row)

    def list(self) -> list[Phone]:
        """Return every phone, the latest seen first."""
        return [_phone_from(row) for row in self._database.rows("SELECT * FROM phones ORDER BY seen_at DESC")]

    def touch(self, phone: Phone) -> None:
        """Note that the phone was just heard of; at most one write in 30 s."""
        now = self._database.now()
        if now - phone.seen_at < _SEEN_EVERY:
            return
        with self._database.writing() as connection:
            connection.execute("UPDATE phones SET seen_at = ? WHERE id = ?", (text_from_time(now), phone.id))

    def revoke(self, phone_id: str, *, who: str) -> bool:
        """Log a phone off for good; False if there is no such phone or it was revoked before."""
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE phones SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (text_from_time(self._database.now()), phone_id),
            )
            if changed.rowcount == 0:
                return False
            self._record(connection, who, "phone revoked", f"phone {phone_id}")
        return True

    def _record(self, connection: sqlite3.Connection, who: str, what: str, detail: str) -> None:
        if self._audit is not None:
            self._audit.record(connection, who=who, what=what, detail=detail)


def _spend(connection: sqlite3.Connection, token_sha256: str, now: datetime) -> Role | None:
    """Mark the token as used and return its role; None if it is unknown, used, ended or of a time to come."""
    found: Role | None = None
    open_ones = connection.execute(
        "SELECT token_sha256, role FROM pairing_tokens WHERE used_at IS NULL AND expires_at > ? AND made_at <= ?",
        (text_from_time(now), text_from_time(now + CLOCK_SLACK)),
    ).fetchall()
    for row in open_ones:  # all of them, so that the time tells nothing
        if hmac.compare_digest(row["token_sha256"], token_sha256):
            found = row["role"]
    if found is not None:
        used = "UPDATE pairing_tokens SET used_at = ? WHERE token_sha256 = ?"
        connection.execute(used, (text_from_time(now), token_sha256))
    return found


def _phone_from(row: sqlite3.Row) -> Phone:
    revoked = row["revoked_at"]
    return Phone(
        row["id"],
        row["role"],
        row["label"],
        time_from_text(row["paired_at"]),
        time_from_text(row["seen_at"]),
        None if revoked is None else time_from_text(revoked),
    )
