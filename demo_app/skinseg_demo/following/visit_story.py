"""A visit as the pages tell it: its two pictures, what is missing, what the close-up measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from skinseg_demo.following.measured import Measured, measured
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Picture, PictureRole
from skinseg_demo.store.visits import Visit

__all__ = ["VisitStory", "ghost_of", "stories_of"]


@dataclass(frozen=True)
class VisitStory:
    """One visit.

    *overview*, *closeup*: the latest picture of that role, one marked unusable only where there is no other.
    *measured*: of the close-up. *others*: how many more pictures the visit has.
    """

    visit: Visit
    overview: Picture | None
    closeup: Picture | None
    measured: Measured | None
    others: int

    @property
    def missing(self) -> PictureRole | None:
        """The picture that should be taken next; None if both are there and the close-up can be used."""
        if self.overview is None:
            return "overview"
        return None if self.has_usable_closeup else "closeup"

    @property
    def has_usable_closeup(self) -> bool:
        """Whether there is a close-up that nobody marked unusable."""
        return self.measured is not None and self.measured.trouble != "unusable"


def stories_of(store: Store, case_id: str) -> list[VisitStory]:
    """Return the visits of a case in the order in which they were made."""
    return [_story(store, visit) for visit in store.visits.of_case(case_id)]


def ghost_of(stories: Sequence[VisitStory]) -> Picture | None:
    """Return the close-up that the next one should look like: of the visit before the last one, else of the last."""
    earlier = [story for story in stories[:-1] if story.has_usable_closeup]
    usable = earlier or [story for story in stories[-1:] if story.has_usable_closeup]
    return usable[-1].closeup if usable else None


def _story(store: Store, visit: Visit) -> VisitStory:
    pictures = store.pictures.of_visit(visit.id)
    by_use = sorted(pictures, key=lambda picture: not _is_unusable(store, picture))  # stable: the latest stays last
    latest = {picture.role: picture for picture in by_use}
    closeup = latest.get("closeup")
    found = None if closeup is None else measured(closeup, store.corrections.of_picture(closeup.id))
    return VisitStory(visit, latest.get("overview"), closeup, found, len(pictures) - len(latest))


def _is_unusable(store: Store, picture: Picture) -> bool:
    corrections = store.corrections.of_picture(picture.id)
    return bool(corrections) and corrections[-1].kind == "unusable"
