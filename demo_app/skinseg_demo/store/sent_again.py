"""Pictures that come twice: a phone that lost the answer sends the same bytes again, and must not make a second one."""

from datetime import timedelta

from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.database import Database

__all__ = ["sent_before"]

_WITHIN = timedelta(minutes=10)  # after that, somebody means it

_SAME = """
SELECT id FROM pictures
WHERE received_sha256 = ? AND role = ? AND visit_id IS ? AND received_at >= ?
AND (visit_id IS NOT NULL
     OR EXISTS (SELECT 1 FROM audit WHERE what = 'picture added' AND who = ? AND detail = 'picture ' || pictures.id))
AND (json_extract(result, '$.scale') IS NOT NULL OR json_extract(result, '$.scale_why') IS NOT NULL) = ?
AND NOT EXISTS (SELECT 1 FROM corrections WHERE picture_id = pictures.id)
ORDER BY rowid DESC LIMIT 1
"""


def sent_before(
    database: Database, visit_id: str | None, role: str, received_sha256: str, *, has_card: bool, who: str
) -> str | None:
    """Return the id of the picture that was made of the same bytes minutes ago, for the same use; None without one.

    A loose picture (*visit_id* None) counts for the phone *who* alone, which sent it. One that somebody corrected or
    marked as unusable is not it, nor one for which a card was looked for when *has_card* is not so, and the other way.
    """
    since = text_from_time(database.now() - _WITHIN)
    row = database.row(_SAME, received_sha256, role, visit_id, since, who, int(has_card))
    return None if row is None else str(row["id"])
