"""For the pages in Chromium: one browser a file, ended with it, for two of Playwright cannot run in one process."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.chromium import browser, serving


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for this file."""
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def is_demo() -> bool:
    """Whether the box of this file is in demo mode; a file that wants that has a fixture of this name."""
    return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, is_demo: bool) -> Iterator[tuple[str, Services]]:
    """The address of a box in practice mode, and its services."""
    app = create_app(DemoConfig(state=tmp_path_factory.mktemp("state"), tls="none", is_demo=is_demo))
    box: Services = app.extensions[EXTENSION]
    with serving(app) as address:
        yield address, box
    box.store.close()
