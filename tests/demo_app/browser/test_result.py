"""The page of a result: what stands on its first screen, its layers, and the ways to correct an outline."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.demo_app.browser.conftest import Phones
from tests.demo_app.browser.pages import check_fit_for_all, result_of
from tests.demo_app.chromium import PHONE_SIZE

pytestmark = pytest.mark.slow

_WORDING = "A measuring aid, not a diagnosis. Refer a changing, bleeding or worrying lesion whatever this screen shows."


def _corrections(page: Page) -> list[dict[str, object]]:
    """Return what the page sends to the box from now on, as it goes."""
    sent: list[dict[str, object]] = []

    def note(address: str, body: str | None) -> None:
        if address.endswith("/corrections"):
            sent.append(json.loads(body or "null"))

    page.on("request", lambda request: note(request.url, request.post_data))
    return sent


def _path(page: Page) -> str:
    return page.locator("#outline").get_attribute("d") or ""


def test_one_screen_holds_the_picture_the_figures_the_wording_and_the_choices(tls_phone: Phones) -> None:
    page = tls_phone().page
    result_of(page, "sharp")

    for found in (
        page.locator("#canvas"),
        page.get_by_text("The picture is good."),
        page.get_by_text("Longest"),
        page.get_by_text("No millimetres: the scale card was not used."),
        page.get_by_text(_WORDING),
        page.get_by_role("button", name="Outline is wrong"),
        page.get_by_role("button", name="Take again"),
        page.get_by_role("button", name="Keep"),
    ):
        box = found.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE_SIZE["height"]
    check_fit_for_all(page)


def test_the_original_is_one_tap_away_and_the_outline_as_strong_as_wanted(phone: Phones) -> None:
    page = phone().page
    result_of(page, "sharp")
    page.get_by_label("Strength of the outline").fill("0.5")
    assert page.evaluate("document.getElementById('drawn').style.opacity") == "0.5"
    expect(page.locator("#band")).to_be_hidden()
    page.get_by_role("switch", name="Unsure band").check()
    expect(page.locator("#band")).to_be_visible()

    page.get_by_role("switch", name="Outline", exact=True).uncheck()

    expect(page.locator("#outline")).to_be_hidden()
    page.get_by_text("All figures, model and times").click()
    expect(page.locator(".table")).to_contain_text(
        re.compile(r"Phone to box \d+ ms, box \d+ ms, back to the phone \d+ ms")
    )
    expect(page.locator(".table")).to_contain_text("onnxruntime, fp32")


@pytest.mark.parametrize(
    ("scene", "heading", "reason"),
    [
        ("none", "No lesion outlined", "No lesion was found"),
        ("cut", "1 lesion outlined", "The photo's border cuts it: it may be larger."),
        ("two", "2 lesions outlined", "2 lesions were found, one is expected"),
    ],
)
def test_no_lesion_a_cut_one_and_several_are_told(phone: Phones, scene: str, heading: str, reason: str) -> None:
    page = phone().page

    result_of(page, scene, (900, 1200))  # type: ignore[arg-type]  # one of the literals

    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_text(reason).first).to_be_visible()
    is_retake = scene != "two"
    expect(page.get_by_role("button", name="Send anyway" if is_retake else "Keep")).to_be_visible()
    if is_retake:
        check_fit_for_all(page, "light")


def test_a_point_is_moved_by_keys_and_the_outline_by_hand_is_shown_from_then_on(phone: Phones) -> None:
    page = phone().page
    result_of(page, "sharp")
    sent, before = _corrections(page), _path(page)
    page.get_by_role("button", name="Outline is wrong").click()
    check_fit_for_all(page, "dark")
    point = page.get_by_role("button", name=re.compile("Point 1 of"))
    point.focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowUp")
    moved = _path(page)
    page.get_by_role("button", name="Undo").click()
    assert moved != before != _path(page) != moved

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Outline corrected by hand")).to_be_visible()
    assert [(each["kind"], len(each["polygons"])) for each in sent] == [("nudge", 1)]  # type: ignore[arg-type]  # a list
    assert "by-hand" in (page.locator("#outline").get_attribute("class") or "")


def test_an_outline_is_drawn_anew_with_a_finger(phone: Phones) -> None:
    page = phone().page
    result_of(page, "none")
    sent = _corrections(page)
    page.get_by_role("button", name="Outline is wrong").click()
    expect(page.get_by_label("Draw anew")).to_be_checked()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#edit-failed")).to_contain_text("There is no outline yet.")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    corners = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.5), (0.25, 0.5)]

    for i, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Outline corrected by hand")).to_be_visible()
    points = sent[0]["polygons"][0]  # type: ignore[index]  # lists of lists
    ends = [min(x for x, _ in points), max(x for x, _ in points), min(y for _, y in points), max(y for _, y in points)]
    assert sent[0]["kind"] == "redraw"
    assert ends == pytest.approx([0.25, 0.75, 0.25, 0.5], abs=0.02)


def test_without_drawing_a_circle_is_put_and_moved_and_a_picture_marked_unusable(phone: Phones) -> None:
    page = phone().page
    result_of(page, "none")
    sent = _corrections(page)
    page.get_by_role("button", name="Outline is wrong").press("Enter")
    page.get_by_role("button", name="Put a circle").press("Enter")
    before = _path(page)
    page.keyboard.press("ArrowRight")
    assert _path(page) != before

    page.get_by_label("Draw anew").press("ArrowRight")
    expect(page.get_by_label("Unusable")).to_be_checked()
    page.get_by_role("button", name="Save").press("Enter")

    expect(page.get_by_role("heading", name="Marked as unusable")).to_be_visible()
    assert sent == [{"kind": "unusable", "polygons": []}]


def test_cancelling_leaves_the_outline_as_it_was(phone: Phones) -> None:
    page = phone().page
    result_of(page, "sharp")
    page.get_by_role("button", name="Outline is wrong").click()
    page.get_by_label("Unusable").check(force=True)
    assert _path(page) == ""

    page.get_by_role("button", name="Cancel").click()

    assert _path(page).startswith("M")
    expect(page.get_by_role("button", name="Outline is wrong")).to_be_focused()
