"""Steps that several tests of pages take."""

import re
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.demo_app.browser.clips import Scene, drawn, jpeg
from tests.demo_app.chromium import PHONE_SIZE

__all__ = ["begin_case", "check_fit_for_all", "choose_picture", "no_auto_shot", "photograph", "result_of", "until"]

_TRIES, _PAUSE_MS = 200, 50
_SMALL = """
[...document.querySelectorAll('a.button, button, summary, a.home, .switch, .choices label')]
.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)
"""


def choose_picture(page: Page, scene: Scene, hw: tuple[int, int] = (1200, 900)) -> None:
    """Choose a drawn photo as the phone's own camera hands it over."""
    picture = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": jpeg(drawn(scene, hw))}
    page.set_input_files("#native", picture)  # type: ignore[arg-type]  # a plain dict


def result_of(page: Page, scene: Scene, hw: tuple[int, int] = (1200, 900)) -> None:
    """Send a drawn photo and wait for its result."""
    page.goto("/")
    choose_picture(page, scene, hw)
    page.wait_for_url("**/pictures/*")


def begin_case(page: Page) -> None:
    """Begin a case with a consent to care, and come to its page."""
    page.goto("/cases/new")
    page.locator("#site").select_option("front_knee_left")
    page.get_by_role("checkbox", name="Care").check()
    page.get_by_role("textbox", name="Asked by").fill("NN")
    page.get_by_role("button", name="Begin the case").click()
    page.wait_for_url(re.compile(r"/cases/[a-z2-7]{12}$"))


def photograph(page: Page, door: str) -> None:
    """Go from the page of a case through a door to the camera, take a picture, keep it."""
    page.get_by_role("link", name=door).click()
    page.wait_for_url("**/capture?case=*")
    choose_picture(page, "sharp", (600, 450))
    page.wait_for_url("**/pictures/*")
    page.get_by_role("button", name=re.compile("Keep|Send anyway")).click()
    page.wait_for_url("**/cases/*")


def no_auto_shot(page: Page) -> None:
    """Tell this phone to take no picture by itself, before the camera's page is opened."""
    page.add_init_script("localStorage.setItem('skinseg.auto', 'no')")


def until(page: Page, expression: str) -> None:
    """Wait until an expression holds; Playwright's own way needs `eval`, which our policy forbids."""
    for _ in range(_TRIES):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(_PAUSE_MS)
    raise AssertionError(f"{expression} did not come true in {_TRIES * _PAUSE_MS / 1000:.0f} s")


def check_fit_for_all(page: Page, *schemes: Literal["light", "dark"]) -> None:
    """Check what axe finds, that nothing is wider than the phone, and that a thumb hits every target."""
    for scheme in schemes or ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_SIZE["width"]
    assert page.evaluate(_SMALL) == []
