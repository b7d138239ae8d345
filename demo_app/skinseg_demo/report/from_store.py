"""From the store to what stands on a report."""

from collections.abc import Callable, Mapping

from skinseg_demo.body_sites import site_of
from skinseg_demo.finding_words import finding_words
from skinseg_demo.following.visit_story import VisitStory, stories_of
from skinseg_demo.json_values import mappings_of, number_of, pair_of, text_of
from skinseg_demo.report.case import (
    OutlineBy,
    ReportCase,
    ReportLesion,
    ReportMeasure,
    ReportModel,
    ReportPicture,
    ReportScale,
)
from skinseg_demo.report.outlined import outlined_jpeg, paper_jpeg
from skinseg_demo.store import Store
from skinseg_demo.store.cases import Case
from skinseg_demo.store.pictures import Picture
from skinseg_edge.errors import FileMissing

__all__ = ["report_case"]

Say = Callable[[str], str]

_LENGTHS = ("max_diameter", "min_diameter", "area", "perimeter")
_RATIOS = ("compactness", "asymmetry")
_BY: dict[str | None, OutlineBy] = {"unusable": "unusable", "corrected": "hand"}


def report_case(
    store: Store, case_id: str, say: Say, *, visit_id: str | None = None, contact: str | None = None
) -> ReportCase:
    """Return what a report says of a visit, the last one unless *visit_id* names another.

    *say*: returns the words of the report's language for a key. *contact*: whom to ask.

    Raises FileMissing if there is no such case or visit.
    """
    case = store.cases.get(case_id)
    stories = stories_of(store, case_id)
    number, story = _chosen(stories, visit_id)
    result: Mapping[str, object] = {} if story is None or story.closeup is None else story.closeup.result
    by = _BY.get(story.measured.trouble if story and story.measured else None, "network")
    outlined, is_enlarged = _outlined(store, story)
    return ReportCase(
        number=case.number,
        visit=number,
        visits=len(stories),
        made_at=store.database.now(),
        body_site=_site(case, say),
        skin_type=case.skin_type,
        history=tuple(say(f"cases.tick.{name}") for name, answer in case.history.items() if answer),
        checklist=tuple(say(f"checklist.{name}") for name, answer in case.checklist.items() if answer),
        overview=None if story is None else _picture(store, story.overview),
        closeup=None if story is None else _picture(store, story.closeup),
        outlined=outlined,
        is_enlarged=is_enlarged,
        outline_by=by,
        lesions=tuple(_lesion(lesion) for lesion in mappings_of(result.get("lesions"))) if by == "network" else (),
        scale=_scale(result),
        scale_problem=text_of(result.get("scale_why")),
        quality=_quality(result, say),
        model=_model(result),
        contact=contact,
    )


def _chosen(stories: list[VisitStory], visit_id: str | None) -> tuple[int, VisitStory | None]:
    """Return a visit and its number from 1; the last one with a picture unless one is named."""
    for number, story in reversed(list(enumerate(stories, 1))):
        if story.visit.id == visit_id or (visit_id is None and (story.closeup or story.overview)):
            return number, story
    if visit_id is not None:
        raise FileMissing("cannot make the report: this case has no such visit; go back to the case")
    return len(stories), None


def _site(case: Case, say: Say) -> str:
    known = site_of(case.body_site)
    return case.body_site if known is None else say(f"body.site.{known.code}")


def _picture(store: Store, picture: Picture | None) -> ReportPicture | None:
    if picture is None:
        return None
    jpeg = paper_jpeg(store.pictures.file(picture.id, "working").read_bytes())
    return ReportPicture(jpeg, picture.received_at, picture.sha256)


def _outlined(store: Store, story: VisitStory | None) -> tuple[bytes | None, bool]:
    if story is None or story.closeup is None or story.measured is None or not story.measured.outlines:
        return None, False
    if story.measured.trouble == "unusable":  # nobody should take it for an outline
        return None, False
    return outlined_jpeg(store.pictures.file(story.closeup.id, "working").read_bytes(), story.measured.outlines)


def _lesion(lesion: Mapping[str, object]) -> ReportLesion:
    """Return the figures of a lesion, in mm where they are known, else in px."""
    unit = "mm" if number_of(lesion.get("max_diameter_mm")) is not None else "px"
    ranges = lesion.get("ranges")
    ends = ranges if isinstance(ranges, Mapping) else {}
    measures = []
    for name in _LENGTHS:
        field = "area_mm2" if (name, unit) == ("area", "mm") else f"{name}_{unit}"
        value = number_of(lesion.get(field))
        if value is not None:
            squared = "²" if name == "area" else ""
            measures.append(ReportMeasure(name, value, unit + squared, pair_of(ends.get(field))))
    ratios = ((name, number_of(lesion.get(name))) for name in _RATIOS)
    measures += [ReportMeasure(name, value, "") for name, value in ratios if value is not None]
    return ReportLesion(tuple(measures), is_cut=lesion.get("touches_border") is True)


def _scale(result: Mapping[str, object]) -> ReportScale | None:
    """Return the scale as it is where the largest lesion lies, else as it is at the card."""
    lesions = list(mappings_of(result.get("lesions")))
    told = (lesions[0].get("scale") if lesions else None) or result.get("scale")
    if not isinstance(told, Mapping):
        return None
    error = number_of(told.get("relative_error"))
    return ReportScale(str(told.get("source")), error or 0.0, number_of(told.get("tilt_degrees")))


def _quality(result: Mapping[str, object], say: Say) -> tuple[str, ...]:
    quality = result.get("quality")
    findings = quality.get("findings") if isinstance(quality, Mapping) else None
    sentences = (finding_words(finding, say) for finding in mappings_of(findings))
    return tuple(sentence for sentence in sentences if sentence)


def _model(result: Mapping[str, object]) -> ReportModel | None:
    told = result.get("model")
    if not isinstance(told, Mapping):
        return None
    name, version, digest, engine, precision = (
        str(told.get(key) or "?") for key in ("name", "version", "bundle_sha256", "engine", "precision")
    )
    return ReportModel(name, version, digest, engine, precision)
