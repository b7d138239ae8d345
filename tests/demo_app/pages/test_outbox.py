"""The outbox as a page: its states, trying again, and replies that come by another way."""

import io
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.browsers import ORIGIN, HandClock, MakeApp, browser_of, paired, post_form
from tests.demo_app.drawn_visits import add_drawn

_WHY = "the receiver cannot be reached: no route to host; it is tried again"


@pytest.fixture
def app(tmp_path: Path, make_app: MakeApp) -> Flask:
    """A box that sends to somebody."""
    return make_app(DemoConfig(state=tmp_path, endpoint="https://dermatology.example/in"))


def _case(box: Services, *, has_consent: bool = True, has_picture: bool = True) -> str:
    case = box.store.cases.create({"body_site": "right calf"})
    visit = box.store.visits.add(case.id)
    if has_picture:
        add_drawn(box.store, visit.id)
    if has_consent:
        box.store.consents.record(case.id, "care", True, who="NN")
    return case.id


def _page(client: FlaskClient, path: str = "/outbox") -> str:
    answer = client.get(path, base_url=ORIGIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return re.sub(r"\s+", " ", answer.text)


def test_an_empty_outbox_says_so(phone: FlaskClient) -> None:
    page = _page(phone)

    assert "Nothing was sent yet." in page
    assert "Try now" not in page


def test_every_state_is_told_what_waits_first(phone: FlaskClient, box: Services, clock: HandClock) -> None:
    answered, sent, waiting, _ = (_case(box) for _ in range(4))
    for case_id in (answered, sent, waiting):
        box.store.outbox.queue(case_id)
    for case_id in (answered, sent):
        box.store.outbox.mark_sent(case_id, "a" * 64)
    box.store.replies.add(answered, "Seen.")
    box.store.outbox.mark_failed(waiting, _WHY)
    clock.wind(minutes=25)

    page = _page(phone)

    assert re.findall(r'<span class="chip (\w+)">', page) == ["queued", "answered", "sent"]
    assert "Waits for 25 min. Failed tries: 1." in page
    assert f"Last time: {_WHY}" in page
    assert "Next try: <time" in page
    assert "1 more cases are drafts" in page
    assert f"/cases/{sent}/reply" in page


@pytest.mark.parametrize(("hours", "words"), [(0.1, "6 min"), (1.5, "90 min"), (30, "30 h"), (24 * 9, "9 days")])
def test_the_age_of_what_waits_is_told(app: Flask, box: Services, clock: HandClock, hours: float, words: str) -> None:
    box.store.outbox.queue(_case(box))
    clock.wind(hours=hours)

    assert f"Waits for {words}." in _page(paired(browser_of(app), box))


def test_sending_queues_the_case(phone: FlaskClient, box: Services) -> None:
    case_id = _case(box)

    answer = post_form(phone, f"/cases/{case_id}/send")

    assert (answer.status_code, box.store.outbox.get(case_id).state) == (303, "queued")
    assert "Waiting to be sent, for 0 min." in _page(phone, f"/cases/{case_id}")


@pytest.mark.parametrize(
    ("lacks", "words"), [("has_consent", "no consent to care is recorded"), ("has_picture", "it has no picture")]
)
def test_a_case_that_lacks_something_is_not_sent(phone: FlaskClient, box: Services, lacks: str, words: str) -> None:
    case_id = _case(box, **{lacks: False})

    answer = post_form(phone, f"/cases/{case_id}/send")

    assert (answer.status_code, words in answer.text) == (400, True)
    assert box.store.outbox.get(case_id).state == "draft"


def test_what_arrived_while_its_consent_was_withdrawn_is_told_as_sent(phone: FlaskClient, box: Services) -> None:
    case_id = _case(box)
    never = _page(phone, f"/cases/{case_id}")
    box.store.outbox.queue(case_id)
    box.store.consents.record(case_id, "care", False)  # while it is on its way
    box.store.outbox.mark_sent(case_id, "a" * 64)

    page = _page(phone, f"/cases/{case_id}")

    assert ("Not sent yet." in never, "Not sent yet." in page) == (True, False)
    assert "<p>Sent <time" in page


def test_try_now_makes_everything_due_and_keeps_since_when_it_waits(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    case_id = _case(box)
    box.store.outbox.queue(case_id)
    since = box.store.outbox.get(case_id).queued_at
    for _ in range(8):
        box.store.outbox.mark_failed(case_id, _WHY)
    called: list[bool] = []
    box.store.outbox.on_queue.append(lambda: called.append(True))
    clock.wind(minutes=5)
    assert box.store.outbox.due() == []

    answer = post_form(phone, "/outbox/try-now")

    entry = box.store.outbox.get(case_id)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/outbox")
    assert ([due.case_id for due in box.store.outbox.due()], called) == ([case_id], [True])
    assert (entry.queued_at, entry.tries) == (since, 8)


def test_a_box_without_a_receiver_says_that_nothing_leaves_it(
    tmp_path: Path, make_app: MakeApp, clock: HandClock
) -> None:
    alone = make_app(DemoConfig(state=tmp_path / "alone"))
    box: Services = alone.extensions[EXTENSION]
    case_id = _case(box)
    box.store.outbox.queue(case_id)
    client = paired(browser_of(alone), box)

    assert "no receiver is set" in _page(client, f"/cases/{case_id}")
    assert "no receiver is set" in _page(client)
    assert "Try now" not in _page(client)


def test_a_typed_reply_answers_the_case(phone: FlaskClient, box: Services) -> None:
    case_id = _case(box)

    answer = post_form(phone, f"/cases/{case_id}/reply", text=" Refer.\r\nSoon. ", author="Dr Okoth")

    (reply,) = box.store.replies.of_case(case_id)
    assert (answer.status_code, reply.text, reply.author) == (303, "Refer.\nSoon.", "Dr Okoth")
    assert box.store.outbox.get(case_id).state == "answered"
    assert "Dr Okoth," in _page(phone, f"/cases/{case_id}")


def test_a_reply_comes_as_a_text_file(phone: FlaskClient, box: Services) -> None:
    case_id = _case(box)
    number = box.store.cases.get(case_id).number
    text = f"Re: case {number}\r\nAuch gut: é ü\n".encode("utf-8-sig")

    post_form(phone, f"/cases/{case_id}/reply", file=(io.BytesIO(text), "../../reply.txt"))

    (reply,) = box.store.replies.of_case(case_id)
    assert reply.text == f"Re: case {number}\nAuch gut: é ü"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "  \n "}, "expected 1 to 10000"),
        ({"text": "x" * 10_001}, "expected 1 to 10000"),
        ({"text": "Seen.", "author": "D" * 81}, "one of at most 80"),
        ({"text": "About Case 2019-0007: refer."}, "it speaks of case 2019-0007, and this is case 2026-0001"),
        ({"file": b"\xff\xd8\xff\xe0 a picture"}, "it is no text file in UTF-8"),
        ({"file": b"a\0b"}, "it is too long or no text"),
        ({"file": b"x" * 50_000}, "it is too long or no text"),
    ],
    ids=["empty", "long", "long author", "other case", "a picture", "zero byte", "long file"],
)
def test_a_reply_that_does_not_fit_is_refused(
    phone: FlaskClient, box: Services, fields: dict[str, str | bytes], words: str
) -> None:
    case_id = _case(box)
    sent = {name: (io.BytesIO(value), "r.txt") if isinstance(value, bytes) else value for name, value in fields.items()}

    answer = post_form(phone, f"/cases/{case_id}/reply", **sent)

    assert (answer.status_code, words in answer.text) == (400, True)
    assert box.store.replies.of_case(case_id) == []
