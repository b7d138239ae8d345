"""The pages of the report and of the printed card."""

import re

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from skinseg_demo.card import PrintScale, marker_numbers
from skinseg_demo.services import Services
from skinseg_runtime.measurements.aruco_card import find_markers
from tests.demo_app.browsers import ORIGIN, csrf_of
from tests.demo_app.report.pdf_text import pages_of, text_of


def _post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    return client.post(path, base_url=ORIGIN, headers=headers, data={"csrf": csrf_of(client), **form})


def test_a_phone_gets_the_report_and_the_audit_log_hears_of_it(phone: FlaskClient, box: Services) -> None:
    case = box.store.cases.create({})

    answer = phone.get(f"/cases/{case.id}/report.pdf", base_url=ORIGIN)

    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == 'inline; filename="case-2026-0001.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert pages_of(answer.data) == 1
    assert "Case 2026-0001" in text_of(answer.data)
    assert box.store.audit.list(case_id=case.id)[0].what == "report made"


@pytest.mark.parametrize("path", ["/cases/abc/report.pdf", "/cases/abc/report.pdf?visit=abc", "/card/13/a4.pdf"])
def test_what_is_not_there_is_told_as_missing(phone: FlaskClient, path: str) -> None:
    assert phone.get(path, base_url=ORIGIN).status_code == 404


def test_neither_is_shown_to_who_is_not_paired(client: FlaskClient, box: Services) -> None:
    case = box.store.cases.create({})
    paths = (f"/cases/{case.id}/report.pdf", "/card", "/card/1/a6.pdf", "/card/1/card.png")

    assert [client.get(path, base_url=ORIGIN).status_code for path in paths] == [401] * 4


@pytest.mark.parametrize("paper", ["a4", "a6"])
def test_the_card_is_sent_as_a_pdf_of_one_page(phone: FlaskClient, paper: str) -> None:
    answer = phone.get(f"/card/3/{paper}.pdf", base_url=ORIGIN)

    assert (answer.status_code, answer.mimetype, pages_of(answer.data)) == (200, "application/pdf", 1)
    assert "Card 3" in text_of(answer.data)
    assert ("1. Print at 100 %" in text_of(answer.data)) == (paper == "a4")


def test_the_picture_of_the_card_shows_its_own_markers(phone: FlaskClient) -> None:
    answer = phone.get("/card/7/card.png", base_url=ORIGIN)

    picture = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    _, numbers = find_markers(np.asarray(picture, np.uint8))
    assert sorted(numbers) == list(marker_numbers(7))


@pytest.mark.parametrize(
    ("form", "percent", "way"),
    [({"bank_card": "90,1", "ruler": ""}, "95.0", "bank card"), ({"ruler": " 48.5 "}, "97.0", "ruler")],
)
def test_what_was_read_off_a_print_is_kept_and_shown(
    phone: FlaskClient, box: Services, form: dict[str, str], percent: str, way: str
) -> None:
    before = phone.get("/card?card=3", base_url=ORIGIN).text

    answer = _post(phone, "/card/3/print", **form)
    after = phone.get(answer.headers["Location"], base_url=ORIGIN).text

    assert "Card 3 was not measured yet" in before
    assert answer.status_code == 303
    assert re.search(rf"Card 3 came out at {percent} % .*, measured by {way}\.", after)
    assert box.store.card_prints.all()[3].factor == pytest.approx(float(percent) / 100, abs=0.001)


@pytest.mark.parametrize(
    "form", [{}, {"bank_card": "85.6", "ruler": "50"}, {"bank_card": "wide"}, {"ruler": "5"}, {"ruler": "1" * 30}]
)
def test_a_reading_that_is_none_is_refused_and_nothing_is_kept(
    phone: FlaskClient, box: Services, form: dict[str, str]
) -> None:
    box.store.card_prints.keep(3, PrintScale(0.97, 0.005, "ruler"))

    answer = _post(phone, "/card/3/print", **form)

    assert answer.status_code == 400
    assert "Cannot take the size of the print" in answer.text
    assert box.store.card_prints.all() == {3: PrintScale(0.97, 0.005, "ruler")}


def test_a_measurement_from_another_site_is_refused(phone: FlaskClient, box: Services) -> None:
    answer = phone.post("/card/3/print", base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"ruler": "50"})

    assert answer.status_code == 403
    assert box.store.card_prints.all() == {}
