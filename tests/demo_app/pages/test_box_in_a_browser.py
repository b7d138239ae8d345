"""The admin's pages, every language and a right-to-left one in Chromium: nothing bars anybody, nothing sticks out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from skinseg_demo.services import Services
from skinseg_demo.strings import languages, strings_of
from tests.demo_app.boxes import add_case
from tests.demo_app.chromium import PHONE_SIZE, Watched, phone_at

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def admin(chromium: Browser, served: tuple[str, Services]) -> Iterator[Watched]:
    """The admin's phone; it fails the last test if a page complained."""
    address, box = served
    add_case(box.store)
    with phone_at(chromium, address, box.pairing.offer("admin").token) as watched:
        yield watched


def _faults(page: Page) -> list[str]:
    """Return what bars somebody or sticks out on the page that is open."""
    found = [f"{each['id']}: {each['nodes'][0]['html']}" for each in Axe().run(page).response["violations"]]
    width = page.evaluate("document.documentElement.scrollWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('a.button, button, summary, input:not([type=hidden])')]"
        ".filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"
    )
    return [*found, *([f"{width} px wide"] if width > PHONE_SIZE["width"] else []), *small]


@pytest.mark.parametrize(
    ("path", "scheme"), [("/admin", "light"), ("/admin", "dark"), ("/admin/audit", "light"), ("/offline", "dark")]
)
def test_no_page_of_the_box_bars_anybody_or_is_wider_than_a_small_phone(admin: Watched, path: str, scheme: str) -> None:
    admin.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its literals
    admin.page.goto(path)
    for fold in admin.page.locator("summary").all():
        fold.click()

    assert _faults(admin.page) == []


@pytest.mark.parametrize("code", [each.code for each in languages() if each.code != "en"])
def test_every_language_fits_a_small_phone_and_is_chosen_by_two_taps(admin: Watched, code: str) -> None:
    admin.page.goto("/admin")

    admin.page.locator(".foot summary").click()
    admin.page.locator(f".foot button[value={code}]").click()

    admin.page.wait_for_url("**/admin")
    assert admin.page.locator("html").get_attribute("lang") == code
    assert admin.page.locator("h1").inner_text() == strings_of(code)["admin.title"]
    assert admin.page.locator(".foot .note").inner_text() == strings_of(code)["foot.unreviewed"]
    assert _faults(admin.page) == []
    admin.page.context.clear_cookies(name="lang")


def test_a_phone_is_renamed_and_logged_off(admin: Watched, served: tuple[str, Services]) -> None:
    store = served[1].store
    offer = served[1].pairing.offer()
    phone, _ = served[1].pairing.redeem(offer.token, address="10.0.0.8", label="Android")
    admin.page.goto("/admin")
    row = admin.page.locator(".phones li").filter(has_text="Android")

    row.get_by_role("textbox").fill("Room 3")
    row.get_by_role("button", name="Rename").click()
    admin.page.locator(".phones li").filter(has_text="Room 3").get_by_role("button", name="Log off").click()

    admin.page.get_by_text("Logged off before: 1").wait_for()
    found = store.phones.get(phone.id)
    assert found is not None
    assert (found.label, found.revoked_at is not None) == ("Room 3", True)


def test_the_backup_is_downloaded(admin: Watched, tmp_path: Path) -> None:
    admin.page.goto("/admin")

    with admin.page.expect_download() as download:
        admin.page.get_by_role("button", name="Download a backup").click()

    download.value.save_as(tmp_path / "backup.zip")
    assert (tmp_path / "backup.zip").read_bytes()[:2] == b"PK"


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("path", ["/admin", "/cases"])
def test_pages_written_from_right_to_left_are_mirrored_and_fit(admin: Watched, path: str) -> None:
    admin.page.context.add_cookies([{"name": "lang", "value": "qx", "url": admin.page.url}])
    admin.page.goto(path)

    home, width = admin.page.locator("a.home").bounding_box(), PHONE_SIZE["width"]
    assert home is not None
    assert home["x"] + home["width"] > width - 20  # the name of the demo stands at the right now
    assert admin.page.evaluate("document.documentElement.scrollWidth") <= width
    admin.page.context.clear_cookies(name="lang")
