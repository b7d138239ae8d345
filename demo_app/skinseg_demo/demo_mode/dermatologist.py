"""The simulated dermatologist: takes what is sent, and writes back some seconds later.

What it writes is marked as simulated in its first words, tells only what stands in the case, and judges nothing.
"""

from datetime import timedelta

from skinseg_demo.following.visit_story import stories_of
from skinseg_demo.sending.packages import Package
from skinseg_demo.store import Store
from skinseg_edge.errors import FileMissing

__all__ = ["AUTHOR", "SimulatedReceiver", "answer_due", "simulated_reply"]

AUTHOR = "Simulated dermatologist"
_ANSWERS_AFTER = timedelta(seconds=8)


class SimulatedReceiver:
    """An endpoint that takes every package and passes it on to nobody."""

    def send(self, package: Package) -> None:
        """Take a package, which stays where it is."""


def answer_due(store: Store) -> int:
    """Answer the cases that were sent some seconds ago; return how many were."""
    now = store.database.now()
    sent = [entry for entry in store.outbox.list() if entry.state == "sent" and entry.sent_at is not None]
    due = [entry for entry in sent if entry.sent_at is not None and now - entry.sent_at >= _ANSWERS_AFTER]
    answered = 0
    for entry in due:
        try:
            store.replies.add(entry.case_id, simulated_reply(store, entry.case_id), author=AUTHOR)
            answered += 1
        except FileMissing:  # deleted meanwhile
            continue
    return answered


def simulated_reply(store: Store, case_id: str) -> str:
    """Return what is written back about a case.

    Raises FileMissing if there is no such case.
    """
    case, stories = store.cases.get(case_id), stories_of(store, case_id)
    pictures = len(store.pictures.of_case(case_id))
    found = stories[-1].measured if stories else None
    lines = [
        "SIMULATED REPLY, written by a program. No person has seen this case.",
        f"Case {case.number} arrived with {_counted(pictures, 'picture')} of {_counted(len(stories), 'visit')}.",
    ]
    if found is not None and found.diameter_mm is not None:
        lines.append(f"The latest outline is {found.diameter_mm.value:.1f} mm across at its longest.")
    if found is not None and found.trouble is not None:
        lines.append("The latest close-up cannot be compared with an earlier one: the follow-up page says why.")
    lines.append("A dermatologist would write here what to do next, and when to photograph the lesion again.")
    return "\n".join(lines)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
