"""The way of a picture from the phone's own camera to its result."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.demo_app.browser.clips import drawn
from tests.demo_app.browser.conftest import OTHER_NAME, Phones
from tests.demo_app.browser.pages import check_fit_for_all, choose_picture
from tests.demo_app.browser.running_box import RunningBox

pytestmark = pytest.mark.slow


def test_a_picture_of_the_phones_own_camera_comes_back_outlined(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    assert page.locator("#native").get_attribute("capture") == "environment"
    assert page.locator("#gallery").get_attribute("capture") is None

    choose_picture(page, "sharp")

    page.wait_for_url("**/pictures/*")
    expect(page.get_by_role("heading", name="1 lesion outlined")).to_be_visible()
    rows, columns = np.nonzero(drawn("sharp", (1200, 900)).mean(axis=2) < 128)
    ends = [columns.min(), rows.min(), columns.max(), rows.max()]
    box = page.evaluate(
        "(b => [b.x, b.y, b.x + b.width, b.y + b.height])(document.querySelector('#outline').getBBox())"
    )
    assert box == pytest.approx(ends, abs=19)  # the tiny network's pixels are 9 x 19 of the photo's


def test_the_home_page_bars_nobody(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    page.get_by_text("How it looks").click()

    check_fit_for_all(page)


def test_without_https_the_guided_camera_is_explained_and_the_own_one_works(
    phone: Phones, practice_box: RunningBox, practice_session: Any
) -> None:
    watched = phone(base_url=practice_box.origin.replace("localhost", OTHER_NAME))
    page = watched.page
    cookie: Any = {**practice_session["cookies"][0], "domain": OTHER_NAME}
    page.context.add_cookies([cookie])

    page.goto("/")

    expect(page.get_by_text("The guided camera needs an https connection")).to_be_visible()
    expect(page.get_by_role("link", name="Guided camera")).to_be_disabled()
    assert page.locator("#guided").get_attribute("href") is None
    check_fit_for_all(page, "light")
    choose_picture(page, "sharp")
    page.wait_for_url("**/pictures/*")


def test_a_picture_is_kept_while_the_box_is_away_and_sent_when_it_is_back(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    page.context.set_offline(True)

    choose_picture(page, "sharp")

    expect(page.get_by_role("alert")).to_have_text(re.compile("The box cannot be reached"))
    expect(page.get_by_text("The picture is kept on this page until the box has it")).to_be_visible()
    expect(page.get_by_text("900 × 1200 px")).to_be_visible()
    assert page.evaluate("!dispatchEvent(new Event('beforeunload', {cancelable: true}))")  # leaving is asked about
    check_fit_for_all(page, "dark")
    page.context.set_offline(False)
    page.wait_for_url("**/pictures/*")


def test_a_refused_picture_says_why_and_can_be_discarded(phone: Phones) -> None:
    page = phone().page
    page.goto("/capture?role=overview")
    check_fit_for_all(page, "light")

    page.set_input_files("#gallery", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"<svg></svg>"})

    expect(page.get_by_role("alert")).to_have_text(re.compile("Cannot"))
    expect(page.locator("#sending-kept")).to_be_hidden()
    page.get_by_role("button", name="Discard it").click()
    expect(page.get_by_text("Phone's camera")).to_be_visible()


def test_a_busy_box_is_tried_again_after_the_time_it_asks_for(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    busy = {"error": {"kind": "QueueFull", "message": "cannot take the picture: eight wait; try again in 1 s"}}
    page.route(
        "**/api/pictures", lambda sent: sent.fulfill(status=503, headers={"Retry-After": "1"}, json=busy), times=1
    )

    choose_picture(page, "sharp")

    expect(page.get_by_text("The next try follows in 1 s.")).to_be_visible()
    page.wait_for_url("**/pictures/*")


def test_a_picture_that_waited_while_its_phone_was_paired_anew_is_sent(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    ended = {"error": {"kind": "NotPaired", "message": "cannot go on: this phone rested; scan the code again"}}
    page.route("**/api/pictures", lambda sent: sent.fulfill(status=401, json=ended), times=1)
    page.evaluate("document.querySelector('meta[name=csrf]').content = 'of the session that ended'")

    choose_picture(page, "sharp")

    expect(page.get_by_text("The picture is kept on this page until the box has it")).to_be_visible()
    page.locator("#sending-again").click()
    page.wait_for_url("**/pictures/*")


def test_the_look_is_kept_by_the_phone_and_known_to_the_box(phone: Phones) -> None:
    page = phone().page
    page.goto("/")
    page.get_by_text("How it looks").click()
    page.get_by_role("radio", name="Dark").check()
    page.get_by_role("switch", name="Large buttons").check()

    page.reload()

    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(root).to_have_attribute("data-big", "")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 24, 27)"
    check_fit_for_all(page, "light")
