"""That nobody is photographed for a case without having agreed to it."""

import sqlite3

from skinseg_demo.refusals import Refused
from skinseg_demo.services import services
from skinseg_demo.store.consents import is_care_allowed

__all__ = ["care_in", "check_care", "no_care"]


def check_care(case_id: str) -> None:
    """Let a picture be taken for a case, or added to it, while the consent to care holds.

    Raises FileMissing if there is no such case, Refused with 409 without the consent.
    """
    store = services().store
    store.cases.get(case_id)
    if not store.consents.holds(case_id, "care"):
        raise no_care()


def care_in(connection: sqlite3.Connection, case_id: str) -> None:
    """Check the same inside the transaction that adds the picture: the consent may be withdrawn on another phone.

    Raises Refused with 409 without the consent.
    """
    if not is_care_allowed(connection, case_id):
        raise no_care()


def no_care() -> Refused:
    """Return the refusal of a picture whose person has not agreed, or does no more."""
    return Refused(
        409,
        "ConsentMissing",
        "cannot take a picture for this case: the consent to care is missing or was withdrawn; record it on the page "
        "of the case first",
    )
