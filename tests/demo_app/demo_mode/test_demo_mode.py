"""Demo mode: its pictures, its cases, its dermatologist, and that it never meets a real case."""

import re
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig
from skinseg_demo.demo_mode.dermatologist import AUTHOR, SimulatedReceiver, answer_due, simulated_reply
from skinseg_demo.demo_mode.drawn_lesions import DRAWN, drawn_jpeg, drawn_named
from skinseg_demo.demo_mode.keeping import keep_drawn
from skinseg_demo.demo_mode.service import DemoMode
from skinseg_demo.following.visit_story import stories_of
from skinseg_demo.sending import Sender
from skinseg_demo.services import EXTENSION, Services
from skinseg_demo.store import Store
from skinseg_demo.strings import strings_of
from skinseg_edge.errors import InputError
from tests.demo_app.browsers import ORIGIN, HandClock, MakeApp, browser_of, paired, post
from tests.demo_app.drawn_visits import add_drawn


def test_each_drawn_picture_is_a_photo_with_words_of_its_own() -> None:
    words = [strings_of("en")[f"demo.drawn.{drawn.name}"] for drawn in DRAWN]

    assert len(set(words)) == len(DRAWN)
    for drawn in DRAWN[:3]:
        photo = cv2.imdecode(np.frombuffer(drawn_jpeg(drawn), np.uint8), cv2.IMREAD_COLOR)
        assert photo is not None
        assert min(photo.shape[:2]) >= 500


def test_the_lesion_in_the_cards_window_has_millimetres(demo_box: Services) -> None:
    drawn = drawn_named("card")
    assert drawn is not None
    assert demo_box.outlining is not None

    picture = keep_drawn(demo_box.store, demo_box.outlining, drawn)

    scale = picture.result["scale"]
    assert isinstance(scale, dict)
    assert scale["source"] == "card 1, 4 markers, print not measured"
    assert scale["mm_per_px"] == pytest.approx(1 / 14, rel=0.005)


def test_a_demo_has_a_store_of_its_own_and_sends_to_nobody(tmp_path: Path) -> None:
    folders = {DemoConfig(state=tmp_path, is_demo=is_demo).store_folder for is_demo in (True, False)}

    assert len(folders) == 2
    with pytest.raises(InputError, match="cannot send the cases of a demo to folder:/tmp"):
        DemoConfig(state=tmp_path, is_demo=True, endpoint="folder:/tmp")


def test_sample_cases_are_there_once_with_two_visits_three_months_apart(demo_box: Services) -> None:
    demo_mode = DemoMode(demo_box.store, demo_box.outlining)

    demo_mode.look()
    demo_mode.look()
    DemoMode(demo_box.store, demo_box.outlining).look()

    cases = demo_box.store.cases.list()
    assert len(cases) == 2
    for case in cases:
        first, second = stories_of(demo_box.store, case.id)
        assert timedelta(days=90) < second.visit.made_at - first.visit.made_at < timedelta(days=92)
        assert (first.missing, second.missing) == (None, None)
        assert demo_box.store.consents.holds(case.id, "care")
    assert demo_box.store.audit.verify() is None


def test_a_box_without_a_network_has_no_sample_cases_and_answers_all_the_same(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")

    DemoMode(store, None).look()

    assert store.cases.list() == []
    store.close()


def test_what_is_queued_in_a_demo_is_sent_to_nobody_and_answered_some_seconds_later(
    tmp_path: Path, clock: HandClock
) -> None:
    store = Store.open(tmp_path / "store", now=clock)
    case = store.cases.create({})
    add_drawn(store, store.visits.add(case.id).id)
    store.consents.record(case.id, "care", True)
    store.outbox.queue(case.id)

    Sender(store, SimulatedReceiver()).send_due()
    sent = store.outbox.get(case.id).state
    at_once = answer_due(store)
    clock.wind(seconds=9)
    later, again = answer_due(store), answer_due(store)

    assert (sent, at_once, later, again) == ("sent", 0, 1, 0)
    assert store.outbox.get(case.id).state == "answered"
    [reply] = store.replies.of_case(case.id)
    assert reply.author == AUTHOR
    store.close()


def test_a_simulated_reply_says_so_first_and_judges_nothing(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    texts = []
    for share in (None, 0.06, 0.2):
        case = store.cases.create({})
        if share is not None:
            add_drawn(store, store.visits.add(case.id).id, share=share)
        texts.append(simulated_reply(store, case.id))

    assert all(
        text.startswith("SIMULATED REPLY, written by a program. No person has seen this case.") for text in texts
    )
    assert "across at its longest" in texts[1]
    judged = re.compile("benign|malignant|cancer|melanoma|harmless|risk|suspicious|normal|worr", re.IGNORECASE)
    assert [judged.findall(text) for text in texts] == [[], [], []]
    store.close()


def test_a_person_tries_a_drawn_picture_and_sees_its_result(demo_app: Flask, demo_box: Services) -> None:
    phone = paired(browser_of(demo_app), demo_box)

    home, page = (phone.get(path, base_url=ORIGIN).text for path in ("/", "/demo"))
    answer = post(phone, "/demo/plain")
    shown = phone.get(answer.headers["Location"], base_url=ORIGIN)

    assert "Demo: drawn lesions and a simulated dermatologist. No patient data." in home
    assert "/demo" in home
    assert [f"/demo/{drawn.name}.jpg" in page for drawn in DRAWN] == [True] * len(DRAWN)
    assert answer.status_code == 303
    assert re.fullmatch(r"/pictures/[a-z2-7]{12}", answer.headers["Location"])
    assert shown.status_code == 200


def test_the_outbox_of_a_demo_tells_who_answers_and_misses_no_receiver(demo_app: Flask, demo_box: Services) -> None:
    page = paired(browser_of(demo_app), demo_box).get("/outbox", base_url=ORIGIN).text

    assert strings_of("en")["demo.dermatologist"] in page
    assert strings_of("en")["cases.no_receiver"] not in page


def test_a_drawn_picture_is_sent_as_it_is_drawn(demo_app: Flask, demo_box: Services) -> None:
    phone = paired(browser_of(demo_app), demo_box)

    answer = phone.get("/demo/plain.jpg", base_url=ORIGIN)
    missing = phone.get("/demo/other.jpg", base_url=ORIGIN)

    assert (answer.mimetype, answer.data) == ("image/jpeg", drawn_jpeg(DRAWN[1]))
    assert missing.status_code == 404


def test_a_box_that_is_no_demo_knows_nothing_of_it(
    config: DemoConfig, make_app: MakeApp, phone: FlaskClient, box: Services
) -> None:
    pages = [phone.get(path, base_url=ORIGIN) for path in ("/demo", "/demo/plain.jpg")]

    assert [page.status_code for page in pages] == [404, 404]
    assert post(phone, "/demo/plain").status_code == 404
    assert "simulated dermatologist" not in phone.get("/", base_url=ORIGIN).text
    assert box.demo is None


def test_an_application_in_demo_mode_has_its_thread_started_and_stopped_with_the_others(
    tmp_path: Path, make_app: MakeApp
) -> None:
    app = make_app(DemoConfig(state=tmp_path / "state", is_demo=True))
    box: Services = app.extensions[EXTENSION]

    box.start()
    box.stop()

    assert box.demo is not None
