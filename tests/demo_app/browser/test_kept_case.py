"""What happens to a case after its pictures: sent when the receiver is back, corrected, read in another language."""

import io
import json
import re
import zipfile
from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from playwright.sync_api import Page, expect

from tests.demo_app.browser.conftest import Browsers, Phones, phones_at
from tests.demo_app.browser.pages import begin_case, photograph
from tests.demo_app.browser.running_box import RunningBox
from tests.demo_app.sending.receivers import Receiver, receiving

pytestmark = pytest.mark.slow

_CASE_IN = {"es": "Caso", "fr": "Cas", "hi": "केस", "sw": "Kesi", "en": "Case"}


@pytest.fixture(scope="module")
def case(browsers: Browsers, tls_box: RunningBox, tls_session: Any) -> str:
    """The address of a case with both pictures, at the box whose receiver is down."""
    with ExitStack() as stack:
        page = phones_at(stack, browsers, tls_box, tls_session)().page
        begin_case(page)
        photograph(page, "Take the overview")
        photograph(page, "Take the close-up")
        return page.url


@pytest.fixture
def kept(tls_phone: Phones, case: str) -> Page:
    """The page of that case."""
    page = tls_phone().page
    page.goto(case)
    return page


def test_a_case_waits_while_its_receiver_is_down_and_is_sent_once_it_is_up(
    kept: Page, case: str, receiver: Receiver, receiver_ca: trustme.CA
) -> None:
    number = kept.get_by_role("heading", level=1).inner_text().split()[1]
    kept.get_by_role("button", name="Send the case").click()
    kept.goto("/outbox")
    row = kept.get_by_role("listitem").filter(has_text=number)
    expect(row).to_contain_text("Waiting")
    _reload_until(kept, "the receiver cannot be reached")
    expect(row).to_contain_text("Next try")

    with receiving(receiver_ca, receiver):
        kept.get_by_role("button", name="Try now").click()
        _reload_until(kept, "Sent")

    kept.goto(case)
    expect(kept.get_by_role("heading", level=1)).to_contain_text("Sent")
    [came] = receiver.requests
    with zipfile.ZipFile(io.BytesIO(came.body)) as package:
        assert json.loads(package.read("case.json"))["case"]["number"] == number


def test_a_correction_changes_the_outline_on_the_page_of_the_case_and_is_told_there(kept: Page, case: str) -> None:
    outline = kept.locator("#pictures ~ ol polygon.edge")
    before = outline.get_attribute("points")
    kept.get_by_role("link", name="close-up").click()
    kept.wait_for_url("**/pictures/*")  # loaded: what the buttons do is there
    kept.get_by_role("button", name="Outline is wrong").click()
    kept.get_by_role("button", name=re.compile("Point 1 of")).press("Shift+ArrowUp")
    kept.get_by_role("button", name="Save").click()
    expect(kept.get_by_role("heading", name="Outline corrected by hand")).to_be_visible()

    kept.goto(case)

    expect(
        kept.get_by_text("The outline was corrected by hand; the figures are of the box's own outline.")
    ).to_be_visible()
    assert outline.get_attribute("points") != before


def test_the_report_opens_as_a_pdf_and_the_page_speaks_every_language(kept: Page, case: str) -> None:
    for code, word in _CASE_IN.items():
        kept.locator("footer summary").click()
        kept.locator(f'footer button[lang="{code}"]').click()
        expect(kept.locator("html")).to_have_attribute("lang", code)
        expect(kept.get_by_role("heading", level=1)).to_contain_text(f"{word} 20")
        assert kept.url == case

    with kept.expect_response("**/report.pdf") as told:
        kept.get_by_role("link", name="Report as PDF").click()

    assert (told.value.status, told.value.headers["content-type"]) == (200, "application/pdf")
    kept.wait_for_url("**/report.pdf")
    assert kept.evaluate("document.contentType") == "application/pdf"


def _reload_until(page: Page, words: str) -> None:
    """Look into the outbox until it says so: its page does not renew itself."""
    for _ in range(50):
        if page.get_by_text(words).first.is_visible():
            return
        page.wait_for_timeout(100)
        page.goto("/outbox")
    raise AssertionError(f"the outbox never said: {words}")
