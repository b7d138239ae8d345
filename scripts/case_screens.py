"""Photograph the pages of cases at phone size: `python -m scripts.case_screens` writes docs/screens/case-*.png anew.

The lesions are drawn, their figures measured on the drawings; nobody's skin is shown. It needs Chromium and what the
tests need.
"""

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from skinseg_demo import DemoConfig, create_app
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.browsers import HandClock
from tests.demo_app.chromium import PHONE_SIZE, browser, serving
from tests.demo_app.drawn_visits import followed_case, waiting_case

__all__ = ["FOLDER", "keep", "main", "paired_page"]

FOLDER = Path(__file__).parents[1] / "docs" / "screens"
_COLOURS = 64

_SCREENS: tuple[tuple[str, str, Literal["light", "dark"]], ...] = (
    ("list", "/cases", "light"),
    ("new", "/cases/new", "light"),
    ("page", "/cases/{case}", "light"),
    ("page-dark", "/cases/{case}", "dark"),
    ("history", "/cases/{case}/history", "light"),
    ("checklist", "/cases/{case}/checklist", "light"),
    ("follow-up", "/cases/{case}/follow-up", "light"),
    ("follow-up-dark", "/cases/{case}/follow-up", "dark"),
    ("reply", "/cases/{case}/reply", "light"),
    ("delete", "/cases/{case}/delete", "light"),
    ("outbox", "/outbox", "light"),
)


def main() -> None:
    """Write every screen."""
    clock = HandClock()
    with TemporaryDirectory() as folder:
        config = DemoConfig(state=Path(folder), tls="none", endpoint="https://dermatology.example/in")
        app = create_app(config, now=clock)
        box: Services = app.extensions[EXTENSION]
        case = followed_case(box.store, clock)
        waiting_case(box.store, clock)
        with browser() as started, serving(app) as origin:
            page = paired_page(started, origin, box)
            for name, path, scheme in _SCREENS:
                page.emulate_media(color_scheme=scheme)
                page.goto(path.format(case=case))
                keep(page, FOLDER / f"case-{name}.png")
        box.store.close()


def paired_page(started: Browser, origin: str, box: Services) -> Page:
    """Return a page of a browser as large as a small phone, paired with the box at *origin*."""
    context = started.new_context(viewport=PHONE_SIZE, base_url=origin)  # type: ignore[arg-type]  # a plain dict
    page = context.new_page()
    page.goto(f"/p#k={box.pairing.offer().token}")
    page.wait_for_url(f"{origin}/")
    return page


def keep(page: Page, path: Path, colours: int = _COLOURS) -> None:
    """Write the whole page, with few colours, so that the file is small."""
    # A bar that sticks to the screen's end would lie across the middle of a whole page.
    page.evaluate("document.querySelector('.next')?.style.setProperty('position', 'static')")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    path.parent.mkdir(exist_ok=True)
    picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
