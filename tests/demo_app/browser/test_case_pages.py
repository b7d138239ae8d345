"""A case in a real browser: begun on the body map, photographed, kept, sent, followed up; no page bars anybody."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.body_sites import SITES
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.browser.conftest import Browsers, Phones
from tests.demo_app.browser.pages import check_fit_for_all, photograph
from tests.demo_app.browsers import HandClock
from tests.demo_app.chromium import PHONE_SIZE, Watched, serving
from tests.demo_app.drawn_visits import followed_case, waiting_case

pytestmark = pytest.mark.slow

# Focuses one thing after the other; returns how many there were, and those of which some lay below the bar.
_FOCUSED = """
() => {
  const all = [...document.querySelectorAll("main section :is(a, button, input, summary)")]
    .filter(e => e.checkVisibility());
  const below = e => (e.focus(), e.getBoundingClientRect().bottom)
    > document.querySelector(".next").getBoundingClientRect().top + 1;
  return [all.length, all.filter(below).map(e => e.outerHTML)];
}
"""


def _tap(page: Page, code: str) -> None:
    """Tap the middle of a drawn place."""
    site = SITES[code]
    drawing = page.locator(f'#bodies svg[data-view="{site.view}"]')
    box = drawing.bounding_box()
    assert box is not None
    drawing.click(position={"x": box["width"] * site.x, "y": box["height"] * site.y})


def test_a_case_goes_from_the_body_map_to_its_follow_up(phone: Phones) -> None:
    page = phone().page
    page.goto("/cases/new")
    _tap(page, "back_torso_upper_left")
    expect(page.locator("#site")).to_have_value("back_torso_upper_left")
    expect(page.get_by_role("status").filter(has_text="Marked: left upper back")).to_be_visible()
    page.get_by_role("checkbox", name="Care").check()
    page.get_by_role("textbox", name="Asked by").fill("NN")
    page.get_by_role("button", name="Begin the case").click()

    page.wait_for_url("**/cases/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Case 20")
    photograph(page, "Take the overview")
    expect(page.get_by_text("The close-up is missing")).to_be_visible()
    photograph(page, "Take the close-up")
    expect(page.get_by_text("Both pictures are there.")).to_be_visible()
    page.get_by_role("button", name="Send the case").click()
    expect(page.get_by_text("Waiting to be sent, for 0 min.")).to_be_visible()

    page.get_by_role("button", name="Begin a follow-up").click()
    expect(page.get_by_text("The overview is missing")).to_be_visible()
    case = page.url
    assert page.request.get(f"{case}/ghost.jpg").headers["content-type"] == "image/jpeg"
    photograph(page, "Take the overview")
    photograph(page, "Take the close-up")
    page.get_by_role("link", name=re.compile("Compare with")).click()
    expect(page.get_by_text("Pixels are not compared").first).to_be_visible()  # nobody laid the card beside it
    assert page.locator("svg.photo").count() == 2


def test_the_list_places_the_mark_by_keyboard_and_without_a_tap(phone: Phones) -> None:
    page = phone().page
    page.goto("/cases/new")

    page.locator("#site").focus()
    page.keyboard.type("right calf")

    expect(page.locator("#site")).to_have_value("back_leg_right")
    mark = page.locator('svg[data-view="back"] .place')
    expect(mark).to_have_attribute("visibility", "visible")
    assert float(page.locator("#body-x").input_value()) == pytest.approx(SITES["back_leg_right"].x)
    _tap(page, "front_hand_left")
    expect(mark).to_have_attribute("visibility", "hidden")
    expect(page.locator("#site")).to_have_value("front_hand_left")


def test_a_second_tap_makes_no_second_case_and_a_missing_signature_is_asked_for(phone: Phones) -> None:
    page = phone().page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto("/cases/new")
    page.locator("#site").select_option("front_knee_left")
    page.get_by_role("checkbox", name="Teaching").check()

    page.get_by_role("button", name="Begin the case").click()
    assert page.evaluate("document.activeElement.id") == "who"
    assert sent == []
    page.get_by_role("textbox", name="Asked by").fill("NN")
    page.evaluate(
        "document.querySelector('form.whole').requestSubmit(); document.querySelector('form.whole').requestSubmit()"
    )
    page.wait_for_url(re.compile(r"/cases/[a-z2-7]{12}$"))

    assert len(sent) == 1


@pytest.fixture(scope="module")
def told(browsers: Browsers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, str, str]]:
    """A paired phone at a box with a case of four visits and one that waits; their ids."""
    clock = HandClock()
    app = create_app(
        DemoConfig(state=tmp_path_factory.mktemp("told"), tls="none", endpoint="https://dermatology.example/in"),
        now=clock,
    )
    box: Services = app.extensions[EXTENSION]
    full, waiting = followed_case(box.store, clock), waiting_case(box.store, clock)
    with serving(app) as origin:
        context = browsers("sharp").new_context(viewport=PHONE_SIZE, base_url=origin)  # type: ignore[arg-type]  # a dict
        watched = Watched(context, origin)
        watched.page.goto(f"/p#k={box.pairing.offer().token}")
        watched.page.wait_for_url(f"{origin}/")
        yield watched, full, waiting
        context.close()
    box.store.close()
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("path", "schemes"),
    [
        ("/cases", ("dark",)),
        ("/cases/new", ("light", "dark")),
        ("/cases/{full}", ("light", "dark")),
        ("/cases/{waiting}", ("light",)),
        ("/cases/{full}/follow-up", ("light", "dark")),
        ("/cases/{full}/place", ("dark",)),
        ("/cases/{full}/history", ("light",)),
        ("/cases/{full}/checklist", ("dark",)),
        ("/cases/{full}/reply", ("light",)),
        ("/cases/{full}/delete", ("dark",)),
        ("/outbox", ("light",)),
    ],
)
def test_no_page_of_a_case_bars_anybody(told: tuple[Watched, str, str], path: str, schemes: tuple[str, ...]) -> None:
    watched, full, waiting = told
    watched.page.goto(path.format(full=full, waiting=waiting))

    check_fit_for_all(watched.page, *schemes)  # type: ignore[arg-type]  # of its literals


def test_what_has_the_focus_is_never_below_the_next_step(told: tuple[Watched, str, str]) -> None:
    page = told[0].page
    page.goto(f"/cases/{told[1]}")
    expect(page.locator(".next")).to_be_in_viewport()

    reached, hidden = page.evaluate(_FOCUSED)

    assert reached > 10
    assert hidden == []
