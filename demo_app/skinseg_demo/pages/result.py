"""The result of one picture, and what a person decides about it."""

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from skinseg_demo.pages.result_view import ResultView
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.store.pictures import Picture

__all__ = ["again", "blueprint", "keep", "show"]

blueprint = Blueprint("result", __name__)


@blueprint.get("/pictures/<picture_id>")
@for_phones
def show(picture_id: str) -> str:
    """Show a picture with its outline.

    Raises FileMissing if there is no such picture.
    """
    store = services().store
    picture = store.pictures.get(picture_id)
    corrections = store.corrections.of_picture(picture_id)
    return render_template(
        "result/result.html",
        picture=picture,
        case=_case_of(picture),
        view=ResultView(picture.result),
        correction=corrections[-1] if corrections else None,
    )


@blueprint.post("/pictures/<picture_id>/keep")
@for_phones
def keep(picture_id: str) -> Response:
    """Keep a picture; where the gate said "retake", it is written down that a person sent it anyway.

    Raises FileMissing if there is no such picture.
    """
    store = services().store
    picture = store.pictures.get(picture_id)
    if picture.quality_verdict == "retake" and not picture.sent_anyway:
        store.pictures.note_sent_anyway(picture_id, who=current_phone().id)
    case = _case_of(picture)
    return _to(f"/cases/{case}" if case else f"/cases?picture={picture_id}")


@blueprint.post("/pictures/<picture_id>/again")
@for_phones
def again(picture_id: str) -> Response:
    """Lead back to the camera. A loose picture is deleted; one of a case stays there, marked as unusable.

    Raises FileMissing if there is no such picture.
    """
    store, who = services().store, current_phone().id
    picture = store.pictures.get(picture_id)
    case = None
    if not store.pictures.delete_loose(picture_id, who=who, why="taken again"):
        case = _case_of(store.pictures.get(picture_id))
        store.corrections.add(picture_id, "unusable", who=who)
    return _to(url_for("capture.doors", case=case, role=picture.role))


def _case_of(picture: Picture) -> str | None:
    return None if picture.visit_id is None else services().store.visits.get(picture.visit_id).case_id


def _to(address: str) -> Response:
    return make_response(redirect(address, 303))
