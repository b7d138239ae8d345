"""The pages of the card and of demo mode in Chromium: nothing bars them to some, and a print is measured by hand."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from skinseg_demo.services import Services
from tests.demo_app.chromium import PHONE_SIZE, Watched, phone_at


@pytest.fixture(scope="module")
def is_demo() -> bool:
    """The box is in demo mode."""
    return True


@pytest.fixture
def phone(chromium: Browser, served: tuple[str, Services]) -> Iterator[Watched]:
    """A paired phone; it fails the test at its end if a page complained."""
    address, box = served
    with phone_at(chromium, address, box.pairing.offer().token) as watched:
        yield watched


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("path", ["/card?card=3", "/demo"])
def test_nothing_on_them_bars_anybody_and_nothing_is_wider_than_the_screen(
    phone: Watched, path: str, colours: str
) -> None:
    phone.page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    phone.page.goto(path)

    found = Axe().run(phone.page)

    assert found.violations_count == 0, found.generate_report()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE_SIZE["width"]


def test_a_print_is_measured_by_hand(phone: Watched) -> None:
    phone.page.goto("/card")
    phone.page.get_by_label("Card", exact=True).select_option("5")
    phone.page.get_by_role("button", name="Show").click()
    phone.page.get_by_text("Card 5 was not measured yet").wait_for()

    phone.page.get_by_label("With a bank card").fill("90.1")
    phone.page.get_by_role("button", name="Keep").click()

    phone.page.get_by_text("Card 5 came out at 95.0 %").wait_for()
