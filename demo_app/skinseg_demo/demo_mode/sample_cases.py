"""Cases that are there when a demo begins: drawn lesions, each seen at two visits three months apart."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

from skinseg_demo.body_sites import SITES
from skinseg_demo.demo_mode.drawn_lesions import DrawnPicture, drawn_named
from skinseg_demo.demo_mode.keeping import keep_drawn
from skinseg_demo.pictures.outlining import Outlining
from skinseg_demo.store import Store
from skinseg_demo.store.visits import Visit

__all__ = ["add_sample_cases"]

_BETWEEN = timedelta(days=91)


@dataclass(frozen=True)
class _SampleCase:
    """*growth*: of the area from the first to the second visit. *site*: a code of `body_sites`."""

    picture: str
    site: str
    skin_type: str
    growth: float


_CASES = (_SampleCase("card", "front_forearm_left", "II", 1.5), _SampleCase("dark_skin", "front_leg_right", "VI", 1.0))


def add_sample_cases(store: Store, outlining: Outlining) -> int:
    """Add them to a store that has no case yet; return how many were added.

    Raises what `Outlining.outline` raises.
    """
    if store.cases.list():
        return 0
    earlier = store.database.now() - _BETWEEN
    with closing(Store.open(store.folder, now=lambda: earlier)) as past:
        begun = [(_begin(past, outlining, case), case) for case in _CASES]
    for case_id, case in begun:
        picture = _picture(case).grown(case.growth)
        _photograph(store, outlining, store.visits.add(case_id), picture)
    return len(begun)


def _begin(past: Store, outlining: Outlining, case: _SampleCase) -> str:
    site = SITES[case.site]
    made = past.cases.create(
        {
            "body_site": site.english,
            "body_view": site.view,
            "body_x": site.x,
            "body_y": site.y,
            "skin_type": case.skin_type,
            "note": "A drawn case of demo mode; there is no such person.",
        }
    )
    past.consents.record(made.id, "care", True, who="demo mode")
    _photograph(past, outlining, past.visits.add(made.id), _picture(case))
    return made.id


def _photograph(store: Store, outlining: Outlining, visit: Visit, closeup: DrawnPicture) -> None:
    """Keep an overview, on which the same lesion is small, and a close-up."""
    small = replace(closeup.scene, area_fraction=0.01)
    keep_drawn(store, outlining, replace(closeup, scene=small, has_card=False), visit.id, "overview")
    keep_drawn(store, outlining, closeup, visit.id)


def _picture(case: _SampleCase) -> DrawnPicture:
    found = drawn_named(case.picture)
    assert found is not None  # the names above are of DRAWN
    return found
