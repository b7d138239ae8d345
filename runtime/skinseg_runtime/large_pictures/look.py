"""How a photo was looked at: what was asked for, what was done, where, and why not more."""

from dataclasses import dataclass
from typing import TypeAlias

from skinseg_edge.known_names import unknown_name

__all__ = ["LOOKS", "ONCE", "Box", "Look", "checked_look"]

LOOKS = ("once", "closer", "tiles")
"""`once`: the whole photo, as in training. `closer`: then a small lesion again, in a crop. `tiles`: then its border in
overlapping tiles."""

Box: TypeAlias = tuple[int, int, int, int]
"""(top, left, bottom, right) in px of the upright photo, end-exclusive, as in `Placement`."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a photo was looked at.

    *asked*, *used*: one of LOOKS; *used* is "once" where a second look was not taken or not believed. *boxes*: what
    the second look saw, (x0, y0, x1, y1) each, px of the upright photo, end-exclusive, as `Lesion.box`. *reason*: why
    *used* is not what was asked, in a sentence; None if it is.
    """

    asked: str
    used: str
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    reason: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "asked": self.asked,
            "used": self.used,
            "boxes": [list(box) for box in self.boxes],
            "reason": self.reason,
        }


ONCE = Look(asked="once", used="once")


def checked_look(look: str) -> str:
    """Return *look* if it is one of LOOKS.

    Raises UnknownName if not.
    """
    if look not in LOOKS:
        raise unknown_name("look", look, LOOKS)
    return look
