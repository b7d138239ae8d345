"""The guided camera: what it hints, when it takes the picture, what it says when it cannot."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.demo_app.browser.clips import DISC_MM, Scene
from tests.demo_app.browser.conftest import Phones
from tests.demo_app.browser.pages import check_fit_for_all, choose_picture, no_auto_shot, until

pytestmark = pytest.mark.slow

# Answers of a camera that Chromium's fake one never gives.
_REFUSING = "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }"
_SILENT = "() => { navigator.mediaDevices.getUserMedia = () => new Promise(() => {}); }"
_WITH_TORCH = """
MediaStreamTrack.prototype.getCapabilities = () =>
  ({ torch: true, focusMode: ['continuous', 'manual'], focusDistance: { min: 0.1, max: 1, step: 0.1 } });
MediaStreamTrack.prototype.applyConstraints = async function (wish) { (window.wishes ??= []).push(wish.advanced[0]); };
"""
# A slow box: each frame's answer takes as long as window.slowMs says; how many are in flight is counted.
_SLOW_FRAMES = """
window.slowMs = 600; window.flying = 0; window.most = 0; window.sent = 0;
const quick = window.fetch;
window.fetch = async (address, options) => {
  if (!String(address).includes('/api/frames')) return quick(address, options);
  window.flying += 1; window.sent += 1; window.most = Math.max(window.most, window.flying);
  const answer = await quick(address, options);
  await new Promise(resolve => setTimeout(resolve, window.slowMs));
  window.flying -= 1;
  return answer;
};
"""
_NOT_ALLOWED = {
    "NotAllowedError": "The camera was not allowed. Tap the sign beside the address",
    "NotFoundError": "This device has no camera",
    "NotReadableError": "The camera is used by another app. Close it",
    "OverconstrainedError": "The camera does not offer what was asked of it",
    "AbortError": "The camera stopped while it was opening. Open it again",
    "TypeError": "The camera did not open (TypeError)",
}


def _opened(page: Page) -> Page:
    page.goto("/camera")
    expect(page.locator("#camera-facts")).to_have_text("Video of 640 × 480 px.")
    return page


def test_a_sharp_lesion_held_still_is_outlined_live_and_taken_by_itself_over_tls(tls_phone: Phones) -> None:
    page = _opened(tls_phone("sharp").page)

    expect(page.locator("#live-outline")).to_have_attribute("d", re.compile("^M.+Z$"))
    # The ellipse reaches 0.2 of the 480 rows to each side: 0.118 of the 640 columns, turned by 25 degrees.
    x, width = page.evaluate("(({x, width}) => [x, width])(document.querySelector('#live-outline').getBBox())")
    page.wait_for_url("**/pictures/*")

    assert (x, width) == (pytest.approx(0.36, abs=0.04), pytest.approx(0.28, abs=0.05))
    expect(page.get_by_role("heading", name="1 lesion outlined")).to_be_visible()


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ("blurred", "lesion looks blurred|Wait until it is sharp"),
        ("off-centre", "Move the lesion into the middle"),
        ("none", "Put the lesion into the circle"),
        ("two", "lesions were found: check which one is meant"),
        ("dark", "The photo is too dark"),
        ("glare", "Light is mirrored"),
    ],
)
def test_what_is_in_the_way_of_a_good_picture_is_hinted_in_amber(phone: Phones, scene: Scene, words: str) -> None:
    page = _opened(phone(scene).page)

    expect(page.locator("#hint")).to_have_text(re.compile(words))
    assert page.locator("#hint").get_attribute("data-tone") == "mend"
    assert page.url.endswith("/camera")


@pytest.mark.parametrize("door", ["guided", "native"])
def test_a_disc_beside_a_tilted_card_has_its_millimetres_by_both_doors(phone: Phones, door: str) -> None:
    page = phone("tilted-card").page
    no_auto_shot(page)
    page.goto("/")
    page.get_by_role("switch", name="Scale card").check()

    if door == "guided":
        page.get_by_role("link", name="Guided camera").click()
        page.get_by_role("button", name="Take the picture").click()
    else:
        choose_picture(page, "tilted-card", (1200, 1600))
    page.wait_for_url("**/pictures/*")

    expect(page.get_by_role("heading", name="1 lesion outlined")).to_be_visible()
    sizes = [page.locator(".figures dd").nth(index).inner_text() for index in (0, 1)]  # longest, shortest
    assert [float(size.partition(" mm")[0]) for size in sizes] == pytest.approx([DISC_MM] * 2, abs=0.3)


def test_the_camera_page_bars_nobody_before_and_after_it_opens(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    _opened(page)
    expect(page.locator("#hint")).to_have_text("Good. Take the picture.")
    check_fit_for_all(page)

    page.evaluate(_REFUSING, "NotAllowedError")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(page.locator("#camera-failed")).to_be_visible()
    check_fit_for_all(page, "dark")


def test_each_way_of_failing_is_told_by_its_name_with_what_to_do(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    page.add_init_script(f"({_REFUSING})('NotFoundError')")
    page.goto("/camera")
    for name, words in _NOT_ALLOWED.items():
        page.evaluate(_REFUSING, name)
        page.get_by_role("button", name="Open the camera").click()

        expect(page.locator("#camera-failed")).to_contain_text(words)
        assert page.locator("#camera-failed").get_attribute("data-name") == name


def test_a_question_that_nobody_answers_ends_in_a_hint(phone: Phones) -> None:
    page = phone("sharp").page
    page.add_init_script(f"({_REFUSING})('NotFoundError')")
    page.goto("/camera")
    expect(page.locator("#camera-failed")).to_be_visible()
    page.evaluate(_SILENT)
    page.evaluate("document.getElementById('camera').dataset.patienceS = '0.2'")

    page.get_by_role("button", name="Open the camera").click()

    expect(page.locator("#camera-failed")).to_contain_text("The browser still waits for an answer.")


def test_the_camera_ends_when_the_page_is_left_and_opens_again_on_return(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    _opened(page)
    page.evaluate("window.first = document.getElementById('video').srcObject.getTracks()[0]")
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")

    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    assert page.evaluate("[window.first.readyState, document.getElementById('video').srcObject]") == ["ended", None]
    page.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "document.getElementById('video').srcObject?.getTracks()[0].readyState === 'live'")


def test_never_two_frames_are_on_their_way_and_a_late_outline_is_not_shown(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    page.add_init_script(_SLOW_FRAMES)
    _opened(page)
    until(page, "window.sent >= 2")
    expect(page.locator("#live-outline")).to_have_attribute("d", re.compile("^M"))

    page.evaluate("window.slowMs = 1700")
    before = page.evaluate("window.sent")

    until(page, f"window.sent > {before + 1}")

    assert page.evaluate("window.most") == 1
    assert page.locator("#live-outline").get_attribute("d") == ""


def test_without_takephoto_the_frame_is_sent_and_its_size_is_told(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    page.add_init_script("delete window.ImageCapture")
    _opened(page)
    page.context.set_offline(True)
    expect(page.locator("#hint")).to_have_text(re.compile("The box cannot be reached"))

    page.get_by_role("button", name="Take the picture").click()

    expect(page.locator("#sending-about")).to_have_text(re.compile("^From the video: 640 × 480 px"))
    assert page.evaluate("document.getElementById('video').srcObject") is None
    page.context.set_offline(False)
    page.wait_for_url("**/pictures/*")


def test_torch_and_focus_are_offered_where_the_camera_has_them(phone: Phones) -> None:
    page = phone("sharp").page
    no_auto_shot(page)
    _opened(page)
    expect(page.locator("#torch")).to_be_hidden()
    page.add_init_script(_WITH_TORCH)
    _opened(page)

    page.get_by_role("button", name="Torch").click()
    page.get_by_label("Focus").fill("0.3")

    expect(page.locator("#torch")).to_have_attribute("aria-pressed", "true")
    expected = [{"focusMode": "continuous"}, {"torch": True}, {"focusMode": "manual", "focusDistance": 0.3}]
    assert page.evaluate("window.wishes") == expected


def test_of_several_back_lenses_the_one_that_focuses_nearest_is_taken(phone: Phones) -> None:
    page = phone("sharp").page
    page.goto("/")

    found = page.evaluate("""async () => {
      const nearest = { wide: 0.2, macro: 0.02, tele: 0.8 };
      const opened = [];
      const stream = id => ({
        getVideoTracks: () => [{ getCapabilities: () => ({ focusDistance: { min: nearest[id] } }) }],
        getTracks: () => [{ stop: () => opened.splice(opened.indexOf(id), 1) }],
      });
      Object.defineProperty(navigator, 'mediaDevices', { value: {
        enumerateDevices: async () => [['wide', 'Back Camera'], ['macro', 'Back Ultra Wide Camera'],
          ['tele', 'Back Telephoto Camera'], ['self', 'Front Camera']]
          .map(([deviceId, label]) => ({ deviceId, label, kind: 'videoinput' })),
        getUserMedia: async ({ video }) => {
          opened.push(video.deviceId.ideal);
          if (opened.length > 1) throw new DOMException('', 'NotReadableError');
          return stream(video.deviceId.ideal);
        },
      } });
      const { nearestLens } = await import('/static/js/camera/lenses.js');
      return [await nearestLens(stream('wide'), 1), opened];
    }""")

    assert found == ["macro", []]
