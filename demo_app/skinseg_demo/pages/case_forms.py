"""What a person writes about a case: place, history, skin type and note, the checklist, consents. Each a small form."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from skinseg_demo.body_sites import SITES, place_from_form, site_of
from skinseg_demo.following.visit_story import stories_of
from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.store.case_fields import CHECKLIST_POINTS, HISTORY_TICKS, SKIN_TYPES
from skinseg_demo.store.consents import ConsentKind

__all__ = [
    "answer_consent",
    "ask_checklist",
    "ask_history",
    "ask_place",
    "blueprint",
    "consents_from_form",
    "keep_checklist",
    "keep_history",
    "keep_place",
]

blueprint = Blueprint("case_forms", __name__)

MAJOR_POINTS = CHECKLIST_POINTS[:3]
_KINDS: dict[str, ConsentKind] = {"care": "care", "teaching": "teaching"}
_ANSWERS = {"yes": True, "no": False, "": None}
_WHO_LETTERS = 80


@blueprint.get("/cases/<case_id>/place")
@for_phones
def ask_place(case_id: str) -> str:
    """Show where the lesion is, to be moved.

    Raises FileMissing if there is no such case.
    """
    case = services().store.cases.get(case_id)
    return render_template("cases/place.html", case=case, sites=SITES, chosen=site_of(case.body_site))


@blueprint.post("/cases/<case_id>/place")
@for_phones
def keep_place(case_id: str) -> Response:
    """Keep the place.

    Raises Refused with 400 for a place that is none, FileMissing if there is no such case.
    """
    return _kept(case_id, place_from_form(request.form))


@blueprint.get("/cases/<case_id>/history")
@for_phones
def ask_history(case_id: str) -> str:
    """Show what the person said, the skin type and the note, to be changed.

    Raises FileMissing if there is no such case.
    """
    case = services().store.cases.get(case_id)
    return render_template("cases/history.html", case=case, ticks=HISTORY_TICKS, skin_types=SKIN_TYPES)


@blueprint.post("/cases/<case_id>/history")
@for_phones
def keep_history(case_id: str) -> Response:
    """Keep what the person said, the skin type and the note.

    Raises Refused with 400 for an answer that is none, InputError for a note that is too long, FileMissing if there is
    no such case.
    """
    changes = {
        "history": _ticks_from_form(request.form, HISTORY_TICKS),
        "skin_type": request.form.get("skin_type") or None,
        "note": request.form.get("note", "").replace("\r\n", "\n"),
    }
    return _kept(case_id, changes)


@blueprint.get("/cases/<case_id>/checklist")
@for_phones
def ask_checklist(case_id: str) -> str:
    """Show the weighted checklist, with what was measured beside it; nothing is added up.

    Raises FileMissing if there is no such case.
    """
    store = services().store
    case = store.cases.get(case_id)
    told = [story.measured for story in stories_of(store, case_id) if story.measured is not None]
    return render_template(
        "cases/checklist.html",
        case=case,
        points=CHECKLIST_POINTS,
        major=MAJOR_POINTS,
        measured=told[-1] if told else None,
    )


@blueprint.post("/cases/<case_id>/checklist")
@for_phones
def keep_checklist(case_id: str) -> Response:
    """Keep the clinician's answers.

    Raises Refused with 400 for an answer that is none, FileMissing if there is no such case.
    """
    return _kept(case_id, {"checklist": _ticks_from_form(request.form, CHECKLIST_POINTS)})


@blueprint.post("/cases/<case_id>/consents")
@for_phones
def answer_consent(case_id: str) -> Response:
    """Write down that a consent was given, or withdrawn: that takes one tap and no name.

    Raises Refused with 400 for a form that is none of ours, FileMissing if there is no such case.
    """
    kind = _KINDS.get(request.form.get("kind", ""))
    is_given = _ANSWERS.get(request.form.get("is_given", ""))
    if kind is None or is_given is None:
        raise Refused(400, "ConsentUnclear", "cannot record the consent: its kind or its answer is none; load the page")
    phone = current_phone()
    who = _writer(request.form) if is_given else phone.label
    services().store.consents.record(case_id, kind, is_given, who=who, phone_id=phone.id)
    return _to(case_id)


def consents_from_form(form: Mapping[str, str]) -> list[tuple[ConsentKind, str]]:
    """Return the consents that were given with a new case, each with who wrote it down.

    Raises Refused with 400 if one was given and nobody signed.
    """
    given: list[ConsentKind] = [kind for kind in _KINDS.values() if form.get(f"consent_{kind}") == "yes"]
    who = _writer(form) if given else ""
    return [(kind, who) for kind in given]


def _writer(form: Mapping[str, str]) -> str:
    who = form.get("who", "").strip()
    if not who or len(who) > _WHO_LETTERS or not who.isprintable():
        raise Refused(
            400,
            "WriterMissing",
            f"cannot record the consent: it needs who asked, in 1 to {_WHO_LETTERS} letters; write your initials",
        )
    return who


def _ticks_from_form(form: Mapping[str, str], names: tuple[str, ...]) -> dict[str, bool | None]:
    """Return yes, no or not asked for each tick; Raises Refused with 400 for anything else."""
    sent = {name: form.get(name, "") for name in names}
    if any(answer not in _ANSWERS for answer in sent.values()):
        raise Refused(
            400, "AnswerUnknown", "cannot keep the answers: each is yes, no or not asked; load the page again"
        )
    return {name: _ANSWERS[answer] for name, answer in sent.items()}


def _kept(case_id: str, changes: Mapping[str, object]) -> Response:
    services().store.cases.update(case_id, changes, who=current_phone().id)
    return _to(case_id)


def _to(case_id: str) -> Response:
    return make_response(redirect(url_for("cases.show", case_id=case_id), 303))
