"""A phone that lost the answer sends the same bytes again: one picture, unless something else is meant."""

from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo.services import Services
from tests.demo_app.browsers import browser_of, paired, post_form
from tests.demo_app.pictures.uploads import disc_photo, encoded, upload

_DATA = encoded(disc_photo((240, 320))[0])


def _sent(phone: FlaskClient, **form: str) -> str:
    answer = upload(phone, _DATA, **form)
    assert answer.status_code == 201
    return str(answer.get_json()["id"])


def _case(box: Services) -> str:
    case = box.store.cases.create()
    box.store.consents.record(case.id, "care", True, who="NN")
    return case.id


def test_the_same_bytes_for_the_same_case_make_one_picture(phone: FlaskClient, box: Services) -> None:
    case = _case(box)

    first, second = _sent(phone, case=case), _sent(phone, case=case)

    assert second == first
    assert [picture.id for picture in box.store.pictures.of_case(case)] == [first]


def test_the_same_loose_bytes_make_one_picture_of_their_phone(app: Flask, phone: FlaskClient, box: Services) -> None:
    other = paired(browser_of(app, "192.168.7.21"), box)

    first, second = _sent(phone, role="overview"), _sent(phone, role="overview")

    assert second == first
    assert _sent(other, role="overview") != first


def test_what_is_meant_otherwise_is_another_picture(phone: FlaskClient, box: Services) -> None:
    case = _case(box)
    first = _sent(phone, case=case)

    others = [
        _sent(phone, case=case, role="overview"),
        _sent(phone, case=case, card="yes"),
        _sent(phone, case=_case(box)),
    ]
    box.store.corrections.add(first, "unusable")
    others.append(_sent(phone, case=case))
    box.store.visits.add(case)
    others.append(_sent(phone, case=case))

    assert len({first, *others}) == 6


def test_a_picture_that_was_taken_again_is_not_found_again(phone: FlaskClient) -> None:
    first = _sent(phone)
    assert post_form(phone, f"/pictures/{first}/again").status_code == 303

    assert _sent(phone) != first
