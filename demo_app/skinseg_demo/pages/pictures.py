"""Pictures over HTTP: taking one in, its files, what was found on it, and what a person says of the outline."""

import time
from typing import TypeVar

from flask import Blueprint, Response, g, jsonify, request, send_file

from skinseg_demo.pages.api_description import documented
from skinseg_demo.pages.care import care_in, check_care
from skinseg_demo.pages.described_pictures import CORRECT, FILE, RESULT, UPLOAD
from skinseg_demo.pictures.keeping import keep_outlined
from skinseg_demo.pictures.outlining import Outlined, Outlining
from skinseg_demo.pictures.receiving import ReceivedPicture
from skinseg_demo.refusals import Refused
from skinseg_demo.security.rate_limits import rate_limited
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.store.corrections import CorrectionKind
from skinseg_demo.store.pictures import Picture, PictureRole
from skinseg_demo.store.sent_again import sent_before
from skinseg_demo.waiting_line import QueueFull
from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import parse_object, shown

__all__ = [
    "blueprint",
    "correct",
    "mask",
    "original",
    "outlining",
    "result",
    "upload",
    "words_of_the_engine",
    "working",
]

blueprint = Blueprint("pictures", __name__)

_T = TypeVar("_T")

_ROLES: dict[str, PictureRole] = {"closeup": "closeup", "overview": "overview"}
_KINDS: dict[object, CorrectionKind] = {"nudge": "nudge", "redraw": "redraw", "unusable": "unusable"}
_YES_NO = {"yes": True, "no": False}
_MIME = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_CORRECTION_BYTES = 400_000
_FORM_BYTES = 300_000  # werkzeug reads 64 KiB at a time, and counts what it holds of a file as part of the form


@blueprint.app_context_processor
def words_of_the_engine() -> dict[str, object]:
    """Let templates say why nothing can be outlined now: `engine_note()` is None where it can, or nobody is paired."""

    def engine_note() -> dict[str, str | None] | None:
        engine = services().engine
        if engine is None or engine.state == "ready" or g.get("phone") is None:
            return None
        return {"key": f"app.engine.{engine.state}", "reason": engine.reason}

    return {"engine_note": engine_note}


def outlining() -> Outlining:
    """Return what outlines.

    Raises Refused with 503 if this box has no network at all.
    """
    found = services().outlining
    if found is None:
        raise Refused(
            503,
            "EngineMissing",
            "cannot outline pictures: this box was started without a network; restart skinseg-demo with a bundle",
            retry_after_s=60,
        )
    return found


@blueprint.post("/api/pictures")
@for_phones
@documented(UPLOAD)
@rate_limited("pictures", 20, 60)
def upload() -> tuple[Response, int]:
    """Take a picture in, outline it, keep it: 201 with its result and id once both are on the disk.

    A phone that lost the answer may send it again: it is told what was found then, and there is no second picture.

    Raises Refused with 503 and Retry-After if too many wait, with 409 for a case without consent to care, what
    `ReceivedPicture.read` and `Outlining.outline` raise, and FileMissing if there is no such case.
    """
    begun = time.perf_counter()
    busy = outlining()
    request.max_form_memory_size = _FORM_BYTES
    role = _choice("role", _ROLES, "closeup")
    has_card = _choice("card", _YES_NO, "no")
    case = request.form.get("case") or None
    if case is not None:
        check_care(case)  # before the work
    received = _received(busy)
    if (known := _sent_before(received, role, case, has_card=has_card)) is not None:
        return _told(known)
    busy.check_ready()
    receive_ms = (time.perf_counter() - begun) * 1000
    try:
        outlined = busy.outline(received, has_card=has_card, receive_ms=receive_ms)
    except QueueFull as error:
        raise Refused(503, "QueueFull", str(error), retry_after_s=error.retry_after_s) from error
    if case is not None:
        check_care(case)  # it may have been withdrawn meanwhile
    known = _sent_before(received, role, case, has_card=has_card)  # the first one may have been at work until now
    return _told(known or _kept(outlined, received, role, case))


@blueprint.get("/api/pictures/<picture_id>/result")
@for_phones
@documented(RESULT)
def result(picture_id: str) -> Response:
    """Return what was found on a picture, as `upload` told it.

    Raises FileMissing if there is no such picture.
    """
    picture = services().store.pictures.get(picture_id)
    return jsonify({**picture.result, "id": picture.id})


@blueprint.get("/api/pictures/<picture_id>/working.jpg")
@for_phones
@documented(FILE)
def working(picture_id: str) -> Response:
    """Return the picture for screens. Raises FileMissing if there is none."""
    return send_file(services().store.pictures.file(picture_id, "working"), mimetype="image/jpeg", etag=False)


@blueprint.get("/api/pictures/<picture_id>/mask.png")
@for_phones
@documented(FILE)
def mask(picture_id: str) -> Response:
    """Return the mask, white for lesion, as large as the upright photo. Raises FileMissing if there is none."""
    return send_file(services().store.pictures.file(picture_id, "mask"), mimetype="image/png", etag=False)


@blueprint.get("/api/pictures/<picture_id>/original")
@for_phones
@documented(FILE)
def original(picture_id: str) -> Response:
    """Return the picture as it was kept, to be saved and not shown. Raises FileMissing if there is none."""
    path = services().store.pictures.file(picture_id, "original")
    extension = path.suffix[1:]
    return send_file(
        path, mimetype=_MIME[extension], as_attachment=True, download_name=f"{picture_id}.{extension}", etag=False
    )


@blueprint.post("/api/pictures/<picture_id>/corrections")
@for_phones
@documented(CORRECT)
def correct(picture_id: str) -> tuple[Response, int]:
    """Keep what a person said of an outline: {"kind", "polygons"}; the outline itself stays as it was.

    Raises InputError if it is no correction, FileMissing if there is no such picture.
    """
    request.max_content_length = _CORRECTION_BYTES
    document = parse_object(request.get_data(), "the correction", mend="so send it again", error_class=InputError)
    said = document.get("kind")
    if not isinstance(said, str) or said not in _KINDS:
        raise InputError(
            f"cannot correct the outline: got {shown(said)}, expected one of {', '.join(map(str, _KINDS))}"
        )
    made = services().store.corrections.add(
        picture_id, _KINDS[said], document.get("polygons", ()), who=current_phone().id
    )
    return jsonify({"id": made.id, "kind": made.kind, "made_at": made.made_at.isoformat()}), 201


def _received(busy: Outlining) -> ReceivedPicture:
    sent = request.files.get("picture")
    if sent is None:
        raise Refused(
            400,
            "PictureMissing",
            "cannot outline the picture: the request holds no file named 'picture'; choose a picture and send it again",
        )
    return ReceivedPicture.read(sent.stream, busy.limits)


def _sent_before(received: ReceivedPicture, role: PictureRole, case: str | None, *, has_card: bool) -> Picture | None:
    store = services().store
    visits = [] if case is None else store.visits.of_case(case)
    if case is not None and not visits:
        return None
    visit = visits[-1].id if visits else None
    found = sent_before(store.database, visit, role, received.sha256, has_card=has_card, who=current_phone().id)
    return None if found is None else store.pictures.get(found)


def _told(picture: Picture) -> tuple[Response, int]:
    return jsonify({**picture.result, "id": picture.id}), 201


def _kept(outlined: Outlined, received: ReceivedPicture, role: PictureRole, case: str | None) -> Picture:
    store, who = services().store, current_phone().id
    visit = None if case is None else store.visits.last_or_new(case, who=who).id
    return keep_outlined(store, received, outlined, visit, role, who=who, check=care_in)


def _choice(name: str, known: dict[str, _T], usual: str) -> _T:
    said = request.form.get(name) or usual
    if said not in known:
        raise InputError(
            f"cannot take the picture: its '{name}' is {shown(said)}, expected one of {', '.join(known)}; send one of "
            "them"
        )
    return known[said]
