"""Cases: the list, a new one, the page of one with what should be done next, and its end."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from markupsafe import Markup, escape

from skinseg_demo.body_sites import SITES, place_from_form, words_of
from skinseg_demo.following.visit_story import VisitStory, stories_of
from skinseg_demo.pages.care import care_in, check_care, no_care
from skinseg_demo.pages.case_forms import consents_from_form
from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.store import Store
from skinseg_demo.store.outbox import OutboxEntry, OutboxState

__all__ = [
    "add_picture",
    "begin_visit",
    "blueprint",
    "create",
    "day",
    "delete",
    "farewell",
    "listed",
    "new",
    "show",
    "when",
    "words",
]

blueprint = Blueprint("cases", __name__)

STATES: tuple[OutboxState, ...] = ("draft", "queued", "sent", "answered")


@blueprint.app_template_filter()
def when(time: datetime) -> Markup:
    """Return a time in the box's own zone, to the minute, as a <time>."""
    local = time.astimezone()
    shown = f"{local:%Y-%m-%d %H:%M}"
    return Markup(f'<time datetime="{escape(local.isoformat())}">{shown}</time>')  # of a datetime alone


@blueprint.app_template_filter()
def day(time: datetime) -> Markup:
    """Return the day of a time in the box's own zone, as a <time>."""
    return Markup(f'<time datetime="{time.astimezone():%Y-%m-%d}">{time.astimezone():%Y-%m-%d}</time>')  # likewise


@blueprint.app_context_processor
def words() -> dict[str, Callable[[str], str]]:
    """Let templates name a place of the body."""
    return {"body_words": words_of}


@blueprint.get("/cases")
@for_phones
def listed() -> str:
    """List the cases without their pictures, all or those of ?state=; with ?picture= let a loose one be added."""
    store = services().store
    wanted = request.args.get("state")
    if wanted not in (None, *STATES):
        raise Refused(400, "StateUnknown", f"cannot list these cases: a state is one of {', '.join(STATES)}")
    entries = {entry.case_id: entry for entry in store.outbox.list()}
    cases = store.cases.list()
    return render_template(
        "cases/list.html",
        rows=[(case, entries[case.id]) for case in cases if wanted in (None, entries[case.id].state)],
        counts={state: sum(entries[case.id].state == state for case in cases) for state in STATES},
        total=len(cases),
        wanted=wanted,
        picture=_loose_picture(store, request.args.get("picture")),
        is_deleted=request.args.get("told") == "deleted",
    )


@blueprint.get("/cases/new")
@for_phones
def new() -> str:
    """Ask for the place and the consents; no name is asked."""
    picture = _loose_picture(services().store, request.args.get("picture"))
    return render_template("cases/new.html", sites=SITES, picture=picture)


@blueprint.post("/cases")
@for_phones
def create() -> Response:
    """Begin a case, its first visit, and its consents; a loose picture becomes part of it.

    Raises Refused with 400 for a form that is none of ours, with 409 for a picture without consent to care.
    """
    store, who = services().store, current_phone().id
    place, consents = place_from_form(request.form), consents_from_form(request.form)
    picture = _loose_picture(store, request.form.get("picture"))
    if picture is not None and "care" not in dict(consents):
        raise no_care()
    case = store.cases.create(place, who=who)
    for kind, writer in consents:
        store.consents.record(case.id, kind, True, who=writer, phone_id=who)
    visit = store.visits.add(case.id, who=who)
    if picture is not None:
        store.pictures.attach(picture, visit.id, who=who)
    return _to(case.id)


@blueprint.get("/cases/<case_id>")
@for_phones
def show(case_id: str) -> str:
    """Show all of a case, and what should be done next.

    Raises FileMissing if there is no such case.
    """
    store = services().store
    case = store.cases.get(case_id)
    entry, stories, consents = store.outbox.get(case_id), stories_of(store, case_id), store.consents.of_case(case_id)
    is_care_given = store.consents.holds(case_id, "care")
    return render_template(
        "cases/page.html",
        case=case,
        entry=entry,
        stories=stories,
        latest=stories[-1] if stories else None,
        consents={kind: [one for one in consents if one.kind == kind] for kind in ("care", "teaching")},
        replies=store.replies.of_case(case_id),
        next_step=_next_step(stories, entry, is_care_given=is_care_given),
        is_changed=entry.sent_at is not None and case.updated_at > entry.sent_at,
        endpoint=services().config.endpoint,
    )


@blueprint.post("/cases/<case_id>/pictures")
@for_phones
def add_picture(case_id: str) -> Response:
    """Make a loose picture part of the latest visit.

    Raises FileMissing if one of them is not there, Refused with 400 if no picture was named, with 409 without consent
    to care.
    """
    store, who = services().store, current_phone().id
    check_care(case_id)
    picture = _loose_picture(store, request.form.get("picture"))
    if picture is None:
        raise Refused(400, "PictureMissing", "cannot add a picture: none was named; go back to it and try again")
    store.pictures.attach(picture, store.visits.last_or_new(case_id, who=who).id, who=who, check=care_in)
    return _to(case_id)


@blueprint.post("/cases/<case_id>/visits")
@for_phones
def begin_visit(case_id: str) -> Response:
    """Begin a follow-up; a visit that has no picture yet is used first.

    Raises FileMissing if there is no such case.
    """
    services().store.visits.follow_up(case_id, who=current_phone().id)
    return _to(case_id)


@blueprint.get("/cases/<case_id>/delete")
@for_phones
def farewell(case_id: str) -> str:
    """Offer the export, then the end of a case.

    Raises FileMissing if there is no such case.
    """
    store = services().store
    return render_template(
        "cases/delete.html",
        case=store.cases.get(case_id),
        entry=store.outbox.get(case_id),
        pictures=len(store.pictures.of_case(case_id)),
    )


@blueprint.post("/cases/<case_id>/delete")
@for_phones
def delete(case_id: str) -> Response:
    """Delete a case for good.

    Raises FileMissing if there is no such case, Refused with 400 if nobody said what became of a copy.
    """
    if request.form.get("copy") not in ("kept", "unneeded"):
        raise Refused(
            400, "CopyUnsaid", "cannot delete this case: nobody said whether a copy was kept; choose one of the two"
        )
    services().store.cases.delete(case_id, who=current_phone().id)
    return make_response(redirect(url_for("cases.listed", told="deleted"), 303))


def _next_step(stories: list[VisitStory], entry: OutboxEntry, *, is_care_given: bool) -> str:
    """Return the name of what the page offers first."""
    if not is_care_given:
        return "consent"
    missing = stories[-1].missing if stories else "overview"
    if missing is not None:
        return missing
    if entry.state == "draft":
        return "send"
    is_news = entry.state != "queued" and entry.sent_at is not None and stories[-1].visit.made_at > entry.sent_at
    return "send_again" if is_news else "follow_up"


def _loose_picture(store: Store, picture_id: str | None) -> str | None:
    """Return the id of a picture that belongs to no case yet; None where none was named.

    Raises FileMissing if there is no such picture, Refused with 400 if it has its case.
    """
    if not picture_id:
        return None
    picture = store.pictures.get(picture_id)
    if picture.visit_id is not None:
        raise Refused(400, "PictureTaken", "cannot add this picture: it is part of a case already; take another one")
    return picture.id


def _to(case_id: str) -> Response:
    return make_response(redirect(url_for("cases.show", case_id=case_id), 303))
