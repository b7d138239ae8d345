"""Boxes that run as a person starts them, browsers with a drawn clip for a camera, and phones that are paired."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser

from tests.demo_app.browser.clips import Scene, write_clip
from tests.demo_app.browser.running_box import RunningBox, running_box
from tests.demo_app.chromium import PHONE_SIZE, Watched, launcher

Browsers: TypeAlias = Callable[[Scene], Browser]
Phones: TypeAlias = Callable[..., Watched]

OTHER_NAME = "skinbox.test"  # of the practice box: not loopback, so a browser gives it no camera
_CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    f"--host-resolver-rules=MAP {OTHER_NAME} 127.0.0.1",
)


@pytest.fixture(scope="package")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """Return a browser whose camera sees a scene; each is started once."""
    folder = tmp_path_factory.mktemp("clips")
    started: dict[Scene, Browser] = {}
    with launcher() as launch:

        def seeing(scene: Scene) -> Browser:
            if scene not in started:
                clip = write_clip(folder / f"{scene}.y4m", scene)
                started[scene] = launch(*_CAMERA, f"--use-file-for-fake-video-capture={clip}")
            return started[scene]

        yield seeing


@pytest.fixture(scope="package")
def practice_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBox]:
    """A box without TLS."""
    with running_box(tmp_path_factory.mktemp("practice"), "--http", "--name", OTHER_NAME) as box:
        yield box


@pytest.fixture(scope="package")
def tls_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBox]:
    """A box with TLS by its own CA, which these browsers do not ask about."""
    with running_box(tmp_path_factory.mktemp("tls")) as box:
        yield box


@pytest.fixture(scope="package")
def practice_session(browsers: Browsers, practice_box: RunningBox) -> Any:
    """The cookies of a paired phone; one pairing serves all tests."""
    return _paired(browsers("sharp"), practice_box)


@pytest.fixture(scope="package")
def tls_session(browsers: Browsers, tls_box: RunningBox) -> Any:
    """The same of the box with TLS."""
    return _paired(browsers("sharp"), tls_box)


@pytest.fixture
def phone(browsers: Browsers, practice_box: RunningBox, practice_session: Any) -> Iterator[Phones]:
    """Return a paired phone whose camera sees a scene; the test fails if a page of it complained."""
    with ExitStack() as stack:
        yield _maker(stack, browsers, practice_box, practice_session)


@pytest.fixture
def tls_phone(browsers: Browsers, tls_box: RunningBox, tls_session: Any) -> Iterator[Phones]:
    """The same with the box that speaks TLS."""
    with ExitStack() as stack:
        yield _maker(stack, browsers, tls_box, tls_session)


def _maker(stack: ExitStack, browsers: Browsers, box: RunningBox, session: Any) -> Phones:
    def make(scene: Scene = "sharp", **options: Any) -> Watched:
        settings = {"base_url": box.origin, "ignore_https_errors": True, "viewport": PHONE_SIZE, **options}
        context = browsers(scene).new_context(storage_state=session, **settings)
        watched = Watched(context, settings["base_url"])

        def end() -> None:
            context.close()
            assert watched.complaints == []

        stack.callback(end)
        return watched

    return make


def _paired(browser: Browser, box: RunningBox) -> Any:
    context = browser.new_context(base_url=box.origin, ignore_https_errors=True)
    page = context.new_page()
    page.goto(box.pairing_path)
    page.wait_for_url(f"{box.origin}/")
    state = context.storage_state()
    context.close()
    return state
