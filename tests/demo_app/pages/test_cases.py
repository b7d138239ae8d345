"""Cases as pages: begun, listed, shown with what comes next, exported, deleted; and what strangers may not do."""

import io
import json
import re
import zipfile

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo.services import Services
from skinseg_demo.store.cases import Case
from tests.demo_app.browsers import ORIGIN, HandClock, browser_of, post_form
from tests.demo_app.drawn_visits import add_drawn

_NO_ID = "abcdefghij23"


def _page(client: FlaskClient, path: str) -> str:
    answer = client.get(path, base_url=ORIGIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def _case(box: Services, *, has_consent: bool = True, roles: tuple[str, ...] = ("overview", "closeup")) -> Case:
    """Begin a case with one visit and pictures of *roles*."""
    case = box.store.cases.create({"body_site": "right calf", "body_view": "back", "body_x": 0.6, "body_y": 0.8})
    visit = box.store.visits.add(case.id)
    for role in roles:
        add_drawn(box.store, visit.id, role)  # type: ignore[arg-type]  # one of its literals
    if has_consent:
        box.store.consents.record(case.id, "care", True, who="NN")
    return case


def _main_action(page: str) -> str:
    """Return the words of what the page offers first."""
    found = re.search(r'<div class="actions next">.*?>([^<>]+)</(?:a|button)>', page, re.DOTALL)
    return found[1] if found else ""


def test_a_new_case_has_a_number_a_place_its_consents_and_a_visit(phone: FlaskClient, box: Services) -> None:
    fields = {"body_site": "back_leg_right", "body_x": "0.61", "body_y": "0.83", "consent_care": "yes", "who": " NN "}

    answer = post_form(phone, "/cases", **fields)

    (case,) = box.store.cases.list()
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases/{case.id}")
    assert (case.number, case.body_site, case.body_x) == ("2026-0001", "right calf", 0.61)
    assert [(one.kind, one.is_given, one.who) for one in box.store.consents.of_case(case.id)] == [("care", True, "NN")]
    assert len(box.store.visits.of_case(case.id)) == 1


def test_the_new_case_asks_no_name(phone: FlaskClient) -> None:
    page = _page(phone, "/cases/new")

    form = page[page.index('<form class="whole"') : page.index("</form>")]
    asked = ["csrf", "body_site", "body_x", "body_y", "consent_care", "consent_teaching", "who"]
    assert re.findall(r' name="(\w+)"', form) == asked
    assert "No name is asked." in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body_site": ""}, "none was chosen"),
        ({"body_site": "nowhere"}, "none was chosen"),
        ({"body_x": "left", "body_y": "0.1"}, "its point is no number"),
        ({"body_x": "7", "body_y": "0.1"}, "expected a number from 0 to 1"),
        ({"body_x": "nan", "body_y": "0.1"}, "expected a number from 0 to 1"),
        ({"consent_care": "yes"}, "it needs who asked"),
        ({"consent_teaching": "yes", "who": "N" * 81}, "in 1 to 80 letters"),
        ({"consent_care": "yes", "who": "N\u202eN"}, "it needs who asked"),
        ({"picture": "<script>"}, "annot find this picture"),
    ],
    ids=[
        "no place",
        "unknown place",
        "word for a point",
        "point outside",
        "no number",
        "unsigned",
        "long",
        "bidi",
        "id",
    ],
)
def test_a_new_case_that_does_not_fit_is_refused_and_leaves_nothing(
    phone: FlaskClient, box: Services, fields: dict[str, str], words: str
) -> None:
    answer = post_form(phone, "/cases", **({"body_site": "back_leg_right"} | fields))

    assert answer.status_code in {400, 404}
    assert words in answer.text
    assert box.store.cases.list() == []


def test_a_loose_picture_becomes_part_of_a_new_case(phone: FlaskClient, box: Services) -> None:
    loose = add_drawn(box.store, None)
    assert f'name="picture" value="{loose.id}"' in _page(phone, f"/cases/new?picture={loose.id}")

    post_form(phone, "/cases", body_site="back_leg_right", picture=loose.id, consent_care="yes", who="NN")

    (case,) = box.store.cases.list()
    assert [picture.id for picture in box.store.pictures.of_case(case.id)] == [loose.id]


def test_a_loose_picture_is_added_to_the_case_that_is_chosen(phone: FlaskClient, box: Services) -> None:
    case, loose = _case(box, roles=("overview",)), add_drawn(box.store, None)
    assert f"/cases/{case.id}/pictures" in _page(phone, f"/cases?picture={loose.id}")

    answer = post_form(phone, f"/cases/{case.id}/pictures", picture=loose.id)

    assert answer.status_code == 303
    assert loose.id in [picture.id for picture in box.store.pictures.of_case(case.id)]


def test_a_picture_of_one_case_cannot_be_put_into_another(phone: FlaskClient, box: Services) -> None:
    first, second = _case(box), _case(box)
    taken = box.store.pictures.of_case(first.id)[0]

    answers = [
        post_form(phone, f"/cases/{second.id}/pictures", picture=taken.id),
        post_form(phone, f"/cases/{second.id}/pictures"),
        post_form(phone, f"/cases/{_NO_ID}/pictures", picture=taken.id),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 404]
    assert len(box.store.pictures.of_case(second.id)) == 2


def test_the_list_shows_numbers_places_and_states_and_no_picture(phone: FlaskClient, box: Services) -> None:
    waiting, draft = _case(box), _case(box)
    box.store.outbox.queue(waiting.id)

    page = _page(phone, "/cases")
    only = _page(phone, "/cases?state=queued")

    assert page.count("right calf") == 2
    assert ("Waiting 1" in page, "Draft 1" in page, "/api/pictures" in page) == (True, True, False)
    assert (waiting.number in only, draft.number in only) == (True, False)


def test_an_empty_list_says_so(phone: FlaskClient) -> None:
    assert "There is no case yet." in _page(phone, "/cases")
    assert "There is no case yet." in _page(phone, "/cases?state=sent")


def test_a_state_that_is_none_is_refused(phone: FlaskClient) -> None:
    answer = phone.get("/cases?state=cured", base_url=ORIGIN)

    assert (answer.status_code, "a state is one of draft, queued, sent, answered" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("has_consent", "roles", "action", "words"),
    [
        (False, (), "", "Take no picture before it is given."),
        (True, (), "Take the overview", "The overview is missing"),
        (True, ("overview",), "Take the close-up", "The close-up is missing"),
        (True, ("closeup",), "Take the overview", "The overview is missing"),
        (True, ("overview", "closeup"), "Send the case", "Both pictures are there."),
    ],
)
def test_the_page_says_what_is_missing_and_offers_it_first(
    phone: FlaskClient, box: Services, has_consent: bool, roles: tuple[str, ...], action: str, words: str
) -> None:
    case = _case(box, has_consent=has_consent, roles=roles)

    page = _page(phone, f"/cases/{case.id}")

    assert (_main_action(page), words in page) == (action, True)
    if action.startswith("Take"):
        assert f"/capture?case={case.id}&amp;role={'overview' if 'overview' in action else 'closeup'}" in page


def test_an_unusable_closeup_is_asked_for_again(phone: FlaskClient, box: Services) -> None:
    case = _case(box)
    (closeup,) = (picture for picture in box.store.pictures.of_case(case.id) if picture.role == "closeup")
    box.store.corrections.add(closeup.id, "unusable")

    page = _page(phone, f"/cases/{case.id}")

    assert _main_action(page) == "Take the close-up"
    assert "marked as unusable: take another one" in page


def test_after_sending_a_follow_up_comes_next_and_then_sending_again(
    phone: FlaskClient, box: Services, clock: HandClock
) -> None:
    case = _case(box)
    box.store.outbox.queue(case.id)
    box.store.outbox.mark_sent(case.id, "a" * 64)
    assert _main_action(_page(phone, f"/cases/{case.id}")) == "Begin a follow-up"
    clock.wind(minutes=20)  # a phone is logged off after 30

    assert post_form(phone, f"/cases/{case.id}/visits").status_code == 303
    post_form(phone, f"/cases/{case.id}/visits")  # an empty one is used first

    visits = box.store.visits.of_case(case.id)
    assert len(visits) == 2
    for role in ("overview", "closeup"):
        add_drawn(box.store, visits[-1].id, role)
    page = _page(phone, f"/cases/{case.id}")
    assert (_main_action(page), "The case changed after it was sent." in page) == ("Send again", True)
    assert f"/cases/{case.id}/follow-up?first={visits[0].id}&amp;second={visits[1].id}" in page


def test_the_page_shows_measures_with_their_ends_and_pixels_without_a_card(phone: FlaskClient, box: Services) -> None:
    with_card, without = _case(box), _case(box, roles=("overview",))
    add_drawn(box.store, box.store.visits.of_case(without.id)[0].id, has_scale=False)

    measured, bare = (re.sub(r"\s+", " ", _page(phone, f"/cases/{case.id}")) for case in (with_card, without))

    assert re.search(r'<dt>Longest diameter</dt><dd> ?<span class="figure">[\d.]+ mm</span> .*?\([\d.]+ to ', measured)
    assert re.search(r'class="figure">\d+ px<', bare)
    assert "there are pixels and no millimetres" in bare
    assert "mm²" not in bare


def test_the_case_page_never_judges(phone: FlaskClient, box: Services) -> None:
    case = _case(box)
    every = dict.fromkeys(("change_in_size", "irregular_shape", "oozing"), True)
    box.store.cases.update(case.id, {"checklist": every})

    page = _page(phone, f"/cases/{case.id}").lower()

    assert re.findall(r"benign|malignan|risk|suspicio|score|total", page) == []
    assert "a measuring aid, not a diagnosis." in page


def test_the_ghost_is_the_closeup_of_the_visit_before(phone: FlaskClient, box: Services) -> None:
    case = _case(box)
    first = box.store.pictures.of_case(case.id)[-1]
    newer = add_drawn(box.store, box.store.visits.add(case.id).id, share=0.02)

    with phone.get(f"/cases/{case.id}/ghost.jpg", base_url=ORIGIN) as answer:
        data = answer.data

    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (200, "image/jpeg", "no-store")
    assert data == box.store.pictures.file(first.id, "working").read_bytes()
    assert data != box.store.pictures.file(newer.id, "working").read_bytes()


def test_an_unusable_closeup_is_no_ghost(phone: FlaskClient, box: Services) -> None:
    case = _case(box)
    box.store.corrections.add(box.store.pictures.of_case(case.id)[-1].id, "unusable")

    answer = phone.get(f"/cases/{case.id}/ghost.jpg", base_url=ORIGIN)

    assert (answer.status_code, "has no close-up yet" in answer.text) == (404, True)


def test_the_export_is_the_package_and_leaves_nothing_behind(phone: FlaskClient, box: Services) -> None:
    case = _case(box)

    with phone.get(f"/cases/{case.id}/export.zip", base_url=ORIGIN) as answer:
        data = answer.data

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert json.loads(archive.read("case.json"))["case"]["number"] == case.number
    assert int(answer.headers["Content-Length"]) == len(data)
    assert re.search(rf"filename=case-{case.number}-\w+\.zip", answer.headers["Content-Disposition"])
    assert list(box.store.folder.glob(".export-*")) == []
    assert box.store.audit.list(case_id=case.id)[0].what == "case exported"


def test_a_case_deleted_while_it_is_exported_is_missing_and_no_fault_of_the_disk(
    phone: FlaskClient, box: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, names = _case(box), box.store.pictures.names

    def deleted_meanwhile(picture_id: str) -> list[str]:
        found = names(picture_id)
        box.store.cases.delete(case.id)
        monkeypatch.setattr(box.store.pictures, "names", names)
        return found

    monkeypatch.setattr(box.store.pictures, "names", deleted_meanwhile)

    assert phone.get(f"/cases/{case.id}/export.zip", base_url=ORIGIN).status_code == 404
    assert list(box.store.folder.glob(".export-*")) == []


def test_the_export_is_offered_before_the_end(phone: FlaskClient, box: Services) -> None:
    case = _case(box)

    page = _page(phone, f"/cases/{case.id}/delete")

    assert 0 < page.index("export.zip") < page.index("Delete for good")
    assert "2 pictures" in page


@pytest.mark.parametrize("copy", ["", "yes", "kept; DROP TABLE cases"])
def test_nothing_is_deleted_before_it_is_said_what_became_of_a_copy(
    phone: FlaskClient, box: Services, copy: str
) -> None:
    case = _case(box)

    answer = post_form(phone, f"/cases/{case.id}/delete", copy=copy)

    assert (answer.status_code, "nobody said whether a copy was kept" in answer.text) == (400, True)
    assert box.store.cases.get(case.id).number == case.number


@pytest.mark.parametrize("copy", ["kept", "unneeded"])
def test_a_deleted_case_is_gone_with_its_pictures(phone: FlaskClient, box: Services, copy: str) -> None:
    case = _case(box)

    answer = post_form(phone, f"/cases/{case.id}/delete", copy=copy)

    assert "The case was deleted, with its pictures." in _page(phone, answer.headers["Location"])
    assert phone.get(f"/cases/{case.id}", base_url=ORIGIN).status_code == 404
    assert list((box.store.folder / "pictures").iterdir()) == []


_READ = (
    "",
    "/place",
    "/history",
    "/checklist",
    "/follow-up",
    "/reply",
    "/delete",
    "/ghost.jpg",
    "/export.zip",
    "/fhir.json",
)
_WRITTEN = ("/place", "/history", "/checklist", "/consents", "/visits", "/pictures", "/send", "/reply", "/delete")


@pytest.mark.parametrize("stranger", [_NO_ID, "' OR 1=1 --"])
def test_an_id_that_is_none_finds_nothing(phone: FlaskClient, box: Services, stranger: str) -> None:
    _case(box)
    right = {
        "/place": {"body_site": "back_leg_right"},
        "/consents": {"kind": "care", "is_given": "no"},
        "/reply": {"text": "Seen."},
        "/delete": {"copy": "kept"},
    }

    statuses = {phone.get(f"/cases/{stranger}{end}", base_url=ORIGIN).status_code for end in _READ}
    statuses |= {post_form(phone, f"/cases/{stranger}{end}", **right.get(end, {})).status_code for end in _WRITTEN}

    assert statuses == {404}


def test_who_is_not_paired_sees_and_changes_nothing(app: Flask, box: Services) -> None:
    case = _case(box)
    stranger = browser_of(app)

    read = {stranger.get(f"/cases/{case.id}{end}", base_url=ORIGIN).status_code for end in _READ}
    written = {
        stranger.post(f"/cases/{case.id}{end}", base_url=ORIGIN, headers={"Origin": ORIGIN}).status_code
        for end in _WRITTEN
    }

    assert (read, written) == ({401}, {401})


def test_a_form_without_the_sign_of_our_page_changes_nothing(phone: FlaskClient, box: Services) -> None:
    case = box.store.cases.get(_case(box).id)

    answers = [
        phone.post(f"/cases/{case.id}{end}", base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"copy": "kept"})
        for end in _WRITTEN
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert box.store.cases.get(case.id) == case
