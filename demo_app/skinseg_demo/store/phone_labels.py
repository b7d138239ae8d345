"""What a paired phone is called on the admin's pages."""

import unicodedata

from skinseg_demo.store.audit import Audit
from skinseg_demo.store.database import Database
from skinseg_edge.errors import InputError

__all__ = ["MOST_LETTERS", "relabel"]

MOST_LETTERS = 60


def relabel(database: Database, audit: Audit, phone_id: str, label: str, *, who: str) -> bool:
    """Call a phone *label*; False if there is no such phone. The audit log hears that, and not how, it was renamed.

    Raises InputError if nothing is left of *label* without what cannot be printed, or if it is longer than 60 letters.
    """
    shown = "".join(letter if unicodedata.category(letter)[0] != "C" else " " for letter in label)
    name = " ".join(shown.split())
    if not 0 < len(name) <= MOST_LETTERS:
        raise InputError(f"cannot rename the phone: its name has {len(name)} letters, expected 1 to {MOST_LETTERS}")
    with database.writing() as connection:
        changed = connection.execute("UPDATE phones SET label = ? WHERE id = ?", (name, phone_id))
        if changed.rowcount == 0:
            return False
        audit.record(connection, who=who, what="phone renamed", detail=f"phone {phone_id}")
    return True
