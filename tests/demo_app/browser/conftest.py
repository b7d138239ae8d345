"""Boxes that run as a person starts them, a browser with drawn clips for a camera, and phones that are paired."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
import trustme
from playwright.sync_api import Browser

from tests.demo_app.browser.clips import Scene, write_clip
from tests.demo_app.browser.running_box import RunningBox, free_port, running_box
from tests.demo_app.chromium import PHONE_SIZE, Watched, launcher
from tests.demo_app.sending.receivers import Receiver

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
    """Return the browser, whose camera sees a scene from the next time it is opened."""
    path = tmp_path_factory.mktemp("clips") / "camera.y4m"
    clip = write_clip(path, "sharp")
    with launcher() as launch:
        started = launch(*_CAMERA, f"--use-file-for-fake-video-capture={clip}")

        def seeing(scene: Scene) -> Browser:
            write_clip(path, scene)  # read anew each time a page opens the camera
            return started

        yield seeing


@pytest.fixture(scope="package")
def practice_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBox]:
    """A box without TLS."""
    with running_box(tmp_path_factory.mktemp("practice"), "--http", "--name", OTHER_NAME) as box:
        yield box


@pytest.fixture(scope="package")
def receiver_ca() -> trustme.CA:
    """The authority of the receiver, which the box with TLS trusts."""
    return trustme.CA()


@pytest.fixture(scope="package")
def receiver() -> Receiver:
    """Where the box with TLS sends its cases; nobody listens there until a test does."""
    return Receiver(port=free_port())


@pytest.fixture(scope="package")
def tls_box(
    tmp_path_factory: pytest.TempPathFactory, receiver_ca: trustme.CA, receiver: Receiver
) -> Iterator[RunningBox]:
    """A box with TLS by its own CA, which these browsers do not ask about; its receiver is down."""
    folder = tmp_path_factory.mktemp("tls")
    trusted = folder / "receiver_ca.pem"
    receiver_ca.cert_pem.write_to_path(str(trusted))
    options = ("--endpoint", receiver.address, "--contact", "NN, 1234")
    with running_box(folder, *options, environment={"SSL_CERT_FILE": str(trusted)}) as box:
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
        yield phones_at(stack, browsers, practice_box, practice_session)


@pytest.fixture
def tls_phone(browsers: Browsers, tls_box: RunningBox, tls_session: Any) -> Iterator[Phones]:
    """The same with the box that speaks TLS."""
    with ExitStack() as stack:
        yield phones_at(stack, browsers, tls_box, tls_session)


def phones_at(stack: ExitStack, browsers: Browsers, box: RunningBox, session: Any) -> Phones:
    """Return what makes a paired phone at a box; the end of *stack* fails if a page of it complained."""

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
