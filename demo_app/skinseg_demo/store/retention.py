"""What is removed by itself: cases some time after they were answered, pictures that never became part of a case."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from skinseg_demo.store.cases import Cases
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.database import Database
from skinseg_demo.store.pictures import Pictures
from skinseg_edge.errors import FileMissing

__all__ = ["Swept", "sweep"]

_LOOSE = timedelta(days=1)

_DONE = """
    SELECT id FROM cases JOIN outbox ON case_id = id
    WHERE state = 'answered' AND answered_at <= ?1 AND updated_at <= ?1
"""
_UNUSED = "SELECT id FROM pictures WHERE visit_id IS NULL AND received_at <= ?1"


@dataclass(frozen=True)
class Swept:
    """How many cases and how many loose pictures were removed."""

    cases: int
    pictures: int


def sweep(database: Database, cases: Cases, pictures: Pictures, now: datetime, retention: timedelta) -> Swept:
    """Remove what has had its time.

    A case has had it when both its answer and its last change are *retention* ago: a new visit keeps it. A loose
    picture has it after a day.
    """
    return Swept(
        _removed(database, cases.delete, "retention", _DONE, text_from_time(now - retention)),
        _removed(database, pictures.delete, "never used", _UNUSED, text_from_time(now - _LOOSE)),
    )


def _removed(database: Database, delete: Callable[..., bool], why: str, found_by: str, before: str) -> int:
    """Remove what a query finds, and return how many there were."""
    return sum(_is_removed(delete, row["id"], why, found_by, before) for row in database.rows(found_by, before))


def _is_removed(delete: Callable[..., bool], row_id: str, why: str, found_by: str, before: str) -> bool:
    """Remove a row that a query found, if it finds it still: somebody may have taken it up meanwhile."""

    def is_still_found(connection: sqlite3.Connection) -> bool:
        return any(row["id"] == row_id for row in connection.execute(found_by, (before,)))

    try:
        return delete(row_id, why=why, only_if=is_still_found)
    except FileMissing:  # a person was first
        return False
