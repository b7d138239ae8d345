"""What a person writes about a case: kept as it was given, never added up, and never run as HTML."""

import re

import pytest
from flask.testing import FlaskClient

from skinseg_demo.services import Services
from skinseg_demo.store.case_fields import CHECKLIST_POINTS, HISTORY_TICKS
from tests.demo_app.browsers import ORIGIN, post_form
from tests.demo_app.drawn_visits import add_drawn

_HOSTILE = "<script>alert(1)</script>\n<img src=x onerror=alert(1)> & \"'{{ 1234*5678 }}"


@pytest.fixture
def case_id(box: Services) -> str:
    """A case of which nothing was said but its place."""
    return box.store.cases.create({"body_site": "right calf", "body_view": "back", "body_x": 0.6, "body_y": 0.8}).id


def _page(client: FlaskClient, path: str) -> str:
    answer = client.get(path, base_url=ORIGIN)
    assert answer.status_code == 200, answer.text
    return answer.text


def _checked(page: str) -> dict[str, str]:
    """Return which answer of each tick is chosen."""
    return dict(re.findall(r'<input type="radio" name="(\w+)" value="(\w*)" checked>', page))


def test_history_skin_type_and_note_are_kept_as_given(phone: FlaskClient, box: Services, case_id: str) -> None:
    answer = post_form(
        phone, f"/cases/{case_id}/history", grown="yes", bled="no", skin_type="V", note="First line\r\nsecond"
    )

    case = box.store.cases.get(case_id)
    assert answer.status_code == 303
    assert case.history == dict.fromkeys(HISTORY_TICKS) | {"grown": True, "bled": False}
    assert (case.skin_type, case.note) == ("V", "First line\nsecond")
    page = _page(phone, f"/cases/{case_id}/history")
    assert _checked(page) == dict.fromkeys(HISTORY_TICKS, "") | {"grown": "yes", "bled": "no"}
    assert re.search(r'<option value="V" selected>', page)


def test_nothing_is_chosen_for_a_person(phone: FlaskClient, case_id: str) -> None:
    assert _checked(_page(phone, f"/cases/{case_id}/history")) == dict.fromkeys(HISTORY_TICKS, "")
    assert _checked(_page(phone, f"/cases/{case_id}/checklist")) == dict.fromkeys(CHECKLIST_POINTS, "")


@pytest.mark.parametrize(
    ("end", "fields"),
    [
        ("history", {"grown": "maybe"}),
        ("history", {"skin_type": "VII"}),
        ("history", {"skin_type": "i"}),
        ("history", {"note": "n" * 2001}),
        ("checklist", {"oozing": "2"}),
        ("place", {"body_site": "moon"}),
        ("consents", {"kind": "research", "is_given": "yes", "who": "NN"}),
        ("consents", {"kind": "care", "is_given": "perhaps", "who": "NN"}),
        ("consents", {"kind": "care", "who": "NN"}),
        ("consents", {"kind": "care", "is_given": "yes", "who": "  "}),
        ("consents", {"kind": "care", "is_given": "yes", "who": "N\nN"}),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    phone: FlaskClient, box: Services, case_id: str, end: str, fields: dict[str, str]
) -> None:
    before = box.store.cases.get(case_id)

    answer = post_form(phone, f"/cases/{case_id}/{end}", **fields)

    assert answer.status_code == 400
    assert re.search(r'role="alert">Cannot (keep|record)', answer.text)
    assert box.store.cases.get(case_id) == before
    assert box.store.consents.of_case(case_id) == []


def test_a_form_of_megabytes_is_refused(phone: FlaskClient, box: Services, case_id: str) -> None:
    answer = post_form(phone, f"/cases/{case_id}/history", note="n" * 2_000_000)

    assert answer.status_code == 413
    assert box.store.cases.get(case_id).note == ""


def test_unknown_fields_are_no_way_into_a_case(phone: FlaskClient, box: Services, case_id: str) -> None:
    number = box.store.cases.get(case_id).number

    post_form(phone, f"/cases/{case_id}/history", number="2026-9999", id="x", deleted_at="now", body_site="moon")

    case = box.store.cases.get(case_id)
    assert (case.number, case.body_site) == (number, "right calf")


def test_html_in_what_was_written_is_shown_and_not_run(phone: FlaskClient, box: Services, case_id: str) -> None:
    post_form(phone, f"/cases/{case_id}/history", note=_HOSTILE)
    post_form(phone, f"/cases/{case_id}/consents", kind="care", is_given="yes", who="<b>NN</b>")
    post_form(phone, f"/cases/{case_id}/reply", text=_HOSTILE, author="<i>Dr</i>")
    box.store.cases.update(case_id, {"body_site": "<u>calf</u>"})

    pages = [_page(phone, path) for path in (f"/cases/{case_id}", f"/cases/{case_id}/history", "/cases", "/outbox")]

    assert [re.findall(r"<script>|<img|<b>|<i>|<u>|7006652", page) for page in pages] == [[], [], [], []]
    assert pages[0].count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_the_checklist_keeps_each_answer_and_adds_nothing_up(phone: FlaskClient, box: Services, case_id: str) -> None:
    every = dict.fromkeys(CHECKLIST_POINTS, "yes")

    post_form(phone, f"/cases/{case_id}/checklist", **every)

    assert box.store.cases.get(case_id).checklist == dict.fromkeys(CHECKLIST_POINTS, True)
    pages = [re.sub(r"<[^>]+>", " ", _page(phone, f"/cases/{case_id}{end}")) for end in ("", "/checklist")]
    assert [re.findall(r"\b10\b|total|score", page, re.IGNORECASE) for page in pages] == [[], []]
    assert "7 of 7 points answered" in pages[0]


def test_diameter_and_shape_are_hints_that_answer_no_point(phone: FlaskClient, box: Services, case_id: str) -> None:
    add_drawn(box.store, box.store.visits.add(case_id).id)

    page = _page(phone, f"/cases/{case_id}/checklist")

    assert re.search(r"Hint: measured [\d.]+ mm \([\d.]+ to [\d.]+\)", page)
    assert re.search(r"Hint: compactness [\d.]+ \(a circle has 1\), asymmetry 0\.\d\d", page)
    assert _checked(page)["diameter_7mm"] == ""
    assert 'aria-describedby="hint-diameter_7mm"' in page


def test_without_a_card_the_diameter_has_no_hint_in_mm(phone: FlaskClient, box: Services, case_id: str) -> None:
    add_drawn(box.store, box.store.visits.add(case_id).id, has_scale=False)

    page = _page(phone, f"/cases/{case_id}/checklist")

    assert "Hint: no millimetres without the card; use a ruler" in page


def test_the_place_is_moved(phone: FlaskClient, box: Services, case_id: str) -> None:
    page = _page(phone, f"/cases/{case_id}/place")
    assert re.search(r'<option value="back_leg_right"[^>]* selected>right calf</option>', page)
    assert "translate(120.0 348.8)" in page  # 0.6 of 200, 0.8 of 436

    post_form(phone, f"/cases/{case_id}/place", body_site="front_hand_left", body_x="0.8", body_y="0.5")

    case = box.store.cases.get(case_id)
    assert (case.body_site, case.body_view, case.body_x) == ("left palm", "front", 0.8)


def test_care_and_teaching_are_given_and_withdrawn_apart(phone: FlaskClient, box: Services, case_id: str) -> None:
    for kind in ("care", "teaching"):
        post_form(phone, f"/cases/{case_id}/consents", kind=kind, is_given="yes", who="NN")

    answer = post_form(phone, f"/cases/{case_id}/consents", kind="teaching", is_given="no")  # one tap, no name

    assert answer.status_code == 303
    assert box.store.consents.holds(case_id, "care")
    assert not box.store.consents.holds(case_id, "teaching")
    assert [(one.kind, one.is_given, one.who) for one in box.store.consents.of_case(case_id)] == [
        ("care", True, "NN"),
        ("teaching", True, "NN"),
        ("teaching", False, "Browser"),
    ]
    page = _page(phone, f"/cases/{case_id}")
    assert "withdrawn on Browser" in page
    assert page.count("given, asked by NN") == 2  # care, and teaching in all answers


def test_withdrawing_care_stops_the_sending_and_says_so(phone: FlaskClient, box: Services, case_id: str) -> None:
    visit = box.store.visits.add(case_id)
    for role in ("overview", "closeup"):
        add_drawn(box.store, visit.id, role)
    post_form(phone, f"/cases/{case_id}/consents", kind="care", is_given="yes", who="NN")
    post_form(phone, f"/cases/{case_id}/send")
    assert box.store.outbox.get(case_id).state == "queued"

    post_form(phone, f"/cases/{case_id}/consents", kind="care", is_given="no")

    page = _page(phone, f"/cases/{case_id}")
    assert box.store.outbox.get(case_id).state == "draft"
    assert "The consent to care was withdrawn: nothing more is sent." in page
    assert "Send the case" not in page
    assert "Begin a follow-up" not in page
