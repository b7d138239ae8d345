"""Replies: what a dermatologist wrote back."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.cases import check_case
from skinseg_demo.store.clock import text_from_time, time_from_text
from skinseg_demo.store.database import Database
from skinseg_demo.store.ids import new_id
from skinseg_demo.store.outbox import mark_answered
from skinseg_edge.errors import InputError

__all__ = ["Replies", "Reply"]

_AUTHOR_LETTERS = 80
_TEXT_LETTERS = 10_000


@dataclass(frozen=True)
class Reply:
    """One. *author*: as they signed."""

    id: str
    case_id: str
    received_at: datetime
    author: str
    text: str


class Replies:
    """The table `replies`."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep them in *database*; *audit* hears of each, without author and text."""
        self._database = database
        self._audit = audit

    def add(self, case_id: str, text: str, *, author: str = "", who: str = BOX) -> Reply:
        """Keep a reply; its case is answered by it, and the time of the retention runs from now.

        Raises FileMissing if there is no such case, InputError if the text is empty or one of them too long.
        """
        if not text.strip() or len(text) > _TEXT_LETTERS or len(author) > _AUTHOR_LETTERS:
            raise InputError(
                f"cannot keep the reply: got {len(text)} letters by an author of {len(author)}, expected 1 to "
                f"{_TEXT_LETTERS} by one of at most {_AUTHOR_LETTERS}; shorten it"
            )
        now = self._database.now()
        reply = Reply(new_id(), case_id, now, author, text)
        with self._database.writing() as connection:
            check_case(connection, case_id)
            connection.execute(
                "INSERT INTO replies VALUES (?, ?, ?, ?, ?)", (reply.id, case_id, text_from_time(now), author, text)
            )
            mark_answered(connection, case_id, now)
            self._audit.record(connection, who=who, what="reply added", detail=f"reply {reply.id}", case_id=case_id)
        return reply

    def of_case(self, case_id: str) -> list[Reply]:
        """Return the replies to a case in the order in which they came."""
        rows = self._database.rows("SELECT * FROM replies WHERE case_id = ? ORDER BY rowid", case_id)
        return [_reply_from(row) for row in rows]


def _reply_from(row: sqlite3.Row) -> Reply:
    return Reply(row["id"], row["case_id"], time_from_text(row["received_at"]), row["author"], row["text"])
