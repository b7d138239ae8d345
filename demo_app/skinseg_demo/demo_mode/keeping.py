"""A drawn picture on the way of every other: received, outlined by the network, kept."""

import io

from skinseg_demo.demo_mode.drawn_lesions import DrawnPicture, drawn_jpeg
from skinseg_demo.pictures.keeping import keep_outlined
from skinseg_demo.pictures.outlining import Outlining
from skinseg_demo.pictures.receiving import ReceivedPicture
from skinseg_demo.store import Store
from skinseg_demo.store.audit import BOX
from skinseg_demo.store.pictures import Picture, PictureRole

__all__ = ["keep_drawn"]


def keep_drawn(
    store: Store,
    outlining: Outlining,
    drawn: DrawnPicture,
    visit_id: str | None = None,
    role: PictureRole = "closeup",
    *,
    who: str = BOX,
) -> Picture:
    """Outline a drawn picture and keep it, loose or as part of a visit.

    Raises what `Outlining.outline` raises, FileMissing if there is no such visit.
    """
    received = ReceivedPicture.read(io.BytesIO(drawn_jpeg(drawn)), outlining.limits)
    outlined = outlining.outline(received, has_card=drawn.has_card)
    return keep_outlined(store, received, outlined, visit_id, role, who=who)
