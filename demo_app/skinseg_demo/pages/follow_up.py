"""Follow-up of one lesion: two visits side by side at the same scale, what changed, and all visits in a chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from skinseg_demo.following.change import compare
from skinseg_demo.following.measured import LEAST_OUTLINE_ERROR, Measured
from skinseg_demo.following.timeline import Point, timeline
from skinseg_demo.following.visit_story import VisitStory, stories_of
from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import for_phones
from skinseg_demo.services import services
from skinseg_demo.store.pictures import Picture
from skinseg_demo.strings import t
from skinseg_edge.errors import FileMissing

__all__ = ["Frame", "blueprint", "show", "signed"]

blueprint = Blueprint("follow_up", __name__)

_AROUND = 1.7  # side of the frame by the larger lesion's diameter


@dataclass(frozen=True)
class Frame:
    """The part of a photo that is shown, px. *px_per_mm*: for the bar; None where the whole photo is shown."""

    x: float
    y: float
    width: float
    height: float
    px_per_mm: float | None = None


@blueprint.app_template_filter()
def signed(value: float) -> str:
    """Return a difference to a tenth, with its sign; what rounds to nothing has none.

    >>> signed(1.26), signed(-0.04), signed(-3)
    ('+1.3', '0.0', '−3.0')
    """
    rounded = round(value, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


@blueprint.get("/cases/<case_id>/follow-up")
@for_phones
def show(case_id: str) -> str:
    """Compare two visits, those of ?first= and ?second= or the first and the last one that have a close-up.

    Raises FileMissing if there is no such case, or a visit is none of its, Refused with 400 for twice the same.
    """
    store = services().store
    case = store.cases.get(case_id)
    stories = stories_of(store, case_id)
    seen = [story for story in stories if story.closeup is not None]
    if len(stories) < 2:
        return render_template("cases/follow_up.html", case=case, stories=stories, pair=None)
    usual = seen if len(seen) > 1 else stories
    first = _asked(stories, request.args.get("first")) or usual[0]
    second = _asked(stories, request.args.get("second")) or usual[-1]
    if first is second:
        raise Refused(400, "SameVisit", "cannot compare a visit with itself; choose two different ones")
    first, second = sorted((first, second), key=stories.index)
    return render_template(
        "cases/follow_up.html",
        case=case,
        stories=stories,
        pair=(first, second),
        frames=_frames(first, second),
        comparison=compare(first.measured, second.measured),
        charts=_charts(stories),
        least=(round(100 * LEAST_OUTLINE_ERROR), round(200 * LEAST_OUTLINE_ERROR)),
    )


def _asked(stories: Sequence[VisitStory], visit_id: str | None) -> VisitStory | None:
    """Return the visit that was asked for; Raises FileMissing if it is none of these."""
    if visit_id is None:
        return None
    for story in stories:
        if story.visit.id == visit_id:
            return story
    raise FileMissing("cannot compare these visits: one of them is none of this case; go back to the case")


def _frames(first: VisitStory, second: VisitStory) -> tuple[Frame | None, Frame | None]:
    """Return what to show of both close-ups: the same millimetres where both have a scale, else the whole photos."""
    sides = [_side_mm(story.measured) for story in (first, second)]
    if None in sides:
        return _whole(first.closeup), _whole(second.closeup)
    side = max(side for side in sides if side is not None)
    return _around(first.measured, side), _around(second.measured, side)


def _side_mm(found: Measured | None) -> float | None:
    if found is None or found.diameter_mm is None or not found.mm_per_px or found.centre is None:
        return None
    return _AROUND * found.diameter_mm.value


def _around(found: Measured | None, side_mm: float) -> Frame | None:
    if found is None or found.centre is None or not found.mm_per_px:
        return None
    side = side_mm / found.mm_per_px
    return Frame(found.centre[0] - side / 2, found.centre[1] - side / 2, side, side, 1 / found.mm_per_px)


def _whole(picture: Picture | None) -> Frame | None:
    return None if picture is None else Frame(0, 0, picture.hw[1], picture.hw[0])


def _charts(stories: Sequence[VisitStory]) -> list[str]:
    """Draw diameter and area of all visits; none where fewer than two may be compared."""
    told = [(story.visit.made_at, story.measured) for story in stories]
    usable = [found if found is not None and found.trouble is None else None for _, found in told]
    if sum(found is not None for found in usable) < 2:
        return []
    times = [at for at, _ in told]
    diameters = [None if found is None else found.diameter_mm for found in usable]
    areas = [None if found is None else found.area_mm2 for found in usable]
    return [
        timeline([Point(at, range_) for at, range_ in zip(times, ranges, strict=True)], t(label))
        for ranges, label in ((diameters, "follow.chart_diameter"), (areas, "follow.chart_area"))
    ]
