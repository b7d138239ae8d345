"""No picture is taken for a case, or added to it, without consent to care."""

import pytest
from flask.testing import FlaskClient

from skinseg_demo.services import Services
from skinseg_demo.store.visits import Visit
from tests.demo_app.browsers import ORIGIN, post_form
from tests.demo_app.drawn_visits import add_drawn

_PLACE = {"body_site": "back_leg_right", "body_x": "0.61", "body_y": "0.83"}


@pytest.mark.parametrize("is_withdrawn", [False, True])
@pytest.mark.parametrize("path", ["/capture", "/camera"])
def test_the_camera_does_not_open_for_a_case_without_it(
    phone: FlaskClient, box: Services, path: str, is_withdrawn: bool
) -> None:
    case = box.store.cases.create()
    if is_withdrawn:
        box.store.consents.record(case.id, "care", True, who="NN")
        box.store.consents.record(case.id, "care", False, who="NN")

    answer = phone.get(f"{path}?case={case.id}", base_url=ORIGIN)

    assert answer.status_code == 409
    assert "the consent to care is missing or was withdrawn" in answer.text


def test_a_loose_picture_is_not_added_to_a_case_without_it(phone: FlaskClient, box: Services) -> None:
    case, picture = box.store.cases.create(), add_drawn(box.store, None)

    answer = post_form(phone, f"/cases/{case.id}/pictures", picture=picture.id)

    assert answer.status_code == 409
    assert box.store.pictures.get(picture.id).visit_id is None


def test_a_consent_withdrawn_while_a_picture_is_added_keeps_it_out(
    phone: FlaskClient, box: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, picture = box.store.cases.create(), add_drawn(box.store, None)
    box.store.consents.record(case.id, "care", True, who="NN")
    last_or_new = box.store.visits.last_or_new

    def withdrawn_first(case_id: str, *, who: str) -> Visit:
        box.store.consents.record(case_id, "care", False, who="another phone")
        return last_or_new(case_id, who=who)

    monkeypatch.setattr(box.store.visits, "last_or_new", withdrawn_first)
    answer = post_form(phone, f"/cases/{case.id}/pictures", picture=picture.id)

    assert answer.status_code == 409
    assert box.store.pictures.get(picture.id).visit_id is None


def test_a_case_does_not_begin_with_a_picture_and_without_it(phone: FlaskClient, box: Services) -> None:
    picture = add_drawn(box.store, None)
    page = phone.get(f"/cases/new?picture={picture.id}", base_url=ORIGIN).text
    care = next(part for part in page.split("<input") if 'name="consent_care"' in part)

    answer = post_form(phone, "/cases", **_PLACE, picture=picture.id, consent_teaching="yes", who="NN")

    assert " required>" in care
    assert answer.status_code == 409
    assert box.store.cases.list() == []
    assert box.store.pictures.get(picture.id).visit_id is None
