"""The outbox: what waits, what was sent, what was answered; sending, trying again, and a reply brought by hand."""

import re
from datetime import datetime, timedelta

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for

from skinseg_demo.refusals import Refused
from skinseg_demo.security.roles import current_phone, for_phones
from skinseg_demo.services import services
from skinseg_demo.store.outbox import OutboxEntry
from skinseg_demo.strings import t

__all__ = ["age", "ask_reply", "blueprint", "keep_reply", "listed", "send", "try_now"]

blueprint = Blueprint("outbox", __name__)

_REPLY_BYTES = 40_000  # 10,000 letters of any alphabet
_ENVELOPE_BYTES = 4_000  # of the form around the file
_NAMED_CASE = re.compile(r"\bcase\s+(\d{4}-\d{4,})\b", re.IGNORECASE)


@blueprint.app_template_filter()
def age(time: datetime) -> str:
    """Return how long ago a time was, in its largest unit."""
    passed = max(services().store.database.now() - time, timedelta())
    for unit, length in (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1))):
        if passed >= 2 * length or unit == "minutes":
            return t(f"outbox.age_{unit}", n=passed // length)
    raise AssertionError("minutes always fit")


@blueprint.get("/outbox")
@for_phones
def listed() -> str:
    """Show every case that left the draft state, what waits first."""
    store = services().store
    cases = {case.id: case for case in store.cases.list()}
    entries = sorted((entry for entry in store.outbox.list() if entry.state != "draft"), key=_order)
    return render_template(
        "cases/outbox.html",
        rows=[(cases[entry.case_id], entry) for entry in entries if entry.case_id in cases],
        waiting=sum(entry.state == "queued" for entry in entries),
        drafts=len(cases) - len(entries),
        endpoint=services().config.endpoint,
    )


@blueprint.post("/outbox/try-now")
@for_phones
def try_now() -> Response:
    """Let everything that waits be tried at once."""
    services().store.outbox.try_now(who=current_phone().id)
    return make_response(redirect(url_for("outbox.listed"), 303))


@blueprint.post("/cases/<case_id>/send")
@for_phones
def send(case_id: str) -> Response:
    """Queue a case, for the first time or again.

    Raises FileMissing if there is no such case, InputError if it has no picture or no consent to care.
    """
    services().store.outbox.queue(case_id, who=current_phone().id)
    return _to(case_id)


@blueprint.get("/cases/<case_id>/reply")
@for_phones
def ask_reply(case_id: str) -> str:
    """Ask for a reply that came on another way, typed or as a text file.

    Raises FileMissing if there is no such case.
    """
    return render_template("cases/reply.html", case=services().store.cases.get(case_id))


@blueprint.post("/cases/<case_id>/reply")
@for_phones
def keep_reply(case_id: str) -> Response:
    """Keep the reply; the case is answered by it.

    Raises Refused with 400 if it is no text or names another case, InputError if it is empty or too long, FileMissing
    if there is no such case.
    """
    request.max_content_length = _REPLY_BYTES + _ENVELOPE_BYTES
    store = services().store
    case = store.cases.get(case_id)
    text = _text_of_file() or request.form.get("text", "").replace("\r\n", "\n")
    named = set(_NAMED_CASE.findall(text))
    if named and case.number not in named:
        raise Refused(
            400,
            "OtherCase",
            f"cannot keep the reply: it speaks of case {min(named)}, and this is case {case.number}; open that one",
        )
    author = request.form.get("author", "").strip()
    store.replies.add(case_id, text.strip(), author=author, who=current_phone().id)
    return _to(case_id)


def _text_of_file() -> str:
    """Return the text of the file that came; empty where none did.

    Raises Refused with 400 if it is no text in UTF-8, or too long.
    """
    file = request.files.get("file")
    data = b"" if file is None else file.stream.read(_REPLY_BYTES + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            400, "ReplyUnreadable", "cannot read the reply: it is no text file in UTF-8; type it in"
        ) from error
    if len(data) > _REPLY_BYTES or "\0" in text:
        raise Refused(400, "ReplyUnreadable", "cannot read the reply: it is too long or no text; type in what matters")
    return text.replace("\r\n", "\n")


def _order(entry: OutboxEntry) -> tuple[int, float]:
    """Order by what a person should look at: the longest waiting first, then the latest answered and sent."""
    rank = {"queued": 0, "answered": 1, "sent": 2}[entry.state]
    time = {"queued": entry.queued_at, "answered": entry.answered_at, "sent": entry.sent_at}[entry.state]
    stamp = 0.0 if time is None else time.timestamp()
    return rank, stamp if rank == 0 else -stamp


def _to(case_id: str) -> Response:
    return make_response(redirect(url_for("cases.show", case_id=case_id), 303))
