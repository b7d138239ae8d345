"""The first pages in Chromium: pairing by script, no complaint of the policy, nothing that bars a page to some."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from skinseg_demo.services import Services
from tests.demo_app.chromium import PHONE_SIZE, Watched, phone_at


@pytest.fixture
def phone(chromium: Browser, served: tuple[str, Services]) -> Iterator[Watched]:
    """A fresh phone; it fails the test at its end if a page complained."""
    with phone_at(chromium, served[0]) as watched:
        yield watched


def test_a_scanned_code_pairs_the_phone_and_leaves_the_address(phone: Watched, served: tuple[str, Services]) -> None:
    address, box = served
    token = box.pairing.offer().token

    phone.page.goto(f"/p#k={token}")
    phone.page.wait_for_url(f"{address}/")

    phone.page.get_by_role("button", name="Log off").wait_for()
    assert token not in phone.page.evaluate("JSON.stringify([location.href, history.length, document.referrer])")
    assert phone.page.evaluate("document.cookie") == ""
    phone.page.go_back()
    assert token not in phone.page.url


def test_a_second_code_in_the_same_tab_is_taken_too(phone: Watched, served: tuple[str, Services]) -> None:
    address, box = served
    phone.page.goto("/p")
    phone.page.get_by_role("alert").filter(has_text="There is no code in this address.").wait_for()

    phone.page.evaluate("token => { location.hash = `k=${token}` }", box.pairing.offer().token)

    phone.page.wait_for_url(f"{address}/")


def test_a_code_that_was_used_is_told_in_a_sentence(phone: Watched, served: tuple[str, Services]) -> None:
    phone.page.goto(f"/p#k={'A' * 26}")

    alert = phone.page.get_by_role("alert").filter(has_text="Cannot pair this phone: the code is wrong, was used or")

    alert.wait_for()
    assert phone.page.url.endswith("/p")


def test_the_phone_logs_off_by_its_button(phone: Watched, served: tuple[str, Services]) -> None:
    address, box = served
    phone.page.goto(f"/p#k={box.pairing.offer().token}")
    phone.page.wait_for_url(f"{address}/")

    phone.page.get_by_role("button", name="Log off").click()

    phone.page.get_by_role("heading", name="Pair a phone").wait_for()  # this browser is at the box
    phone.page.reload()
    assert phone.page.context.cookies() == []
    assert phone.page.get_by_role("button", name="Log off").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/p", "/nothing"])
def test_no_page_bars_anybody_or_is_wider_than_a_small_phone(phone: Watched, path: str, scheme: str) -> None:
    phone.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its literals
    phone.page.goto(path)
    phone.page.wait_for_load_state("load")

    violations = Axe().run(phone.page).response["violations"]

    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE_SIZE["width"]
    small = phone.page.evaluate(
        "[...document.querySelectorAll('a.button, button, summary, a.home')]"
        ".filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert small == []


def test_axe_really_looks(phone: Watched, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<img src='x.png'><p style='color:#eee'>pale</p>")
    phone.page.goto(f"file://{tmp_path}/bad.html")

    violations = {each["id"] for each in Axe().run(phone.page).response["violations"]}

    phone.complaints.clear()
    assert {"image-alt", "html-has-lang"} <= violations
