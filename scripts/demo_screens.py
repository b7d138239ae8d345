"""Photograph pages of the phone demo: `python -m scripts.demo_screens` writes docs/screens/{case,card,demo}*.png anew.

Those of cases as scripts/case_screens.py does, and those of the printed card and of demo mode. Screens of the camera,
of results and of the admin need an engine and a moment to choose, and were taken by hand.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from scripts import case_screens
from scripts.case_screens import FOLDER, keep, paired_page
from skinseg_demo import DemoConfig, create_app
from skinseg_demo.card import PrintScale
from skinseg_demo.services import EXTENSION, Services
from tests.demo_app.chromium import browser, serving

__all__ = ["main"]

_COLOURS = 224  # the card shows colours, which fewer would change

_SCREENS: tuple[tuple[str, str, Literal["light", "dark"]], ...] = (
    ("card", "/card?card=3", "light"),
    ("card-dark", "/card?card=4", "dark"),
    ("demo", "/demo", "light"),
    ("demo-dark", "/demo", "dark"),
)


def main() -> None:
    """Write those of cases, and then the others."""
    case_screens.main()
    with TemporaryDirectory() as folder:
        app = create_app(DemoConfig(state=Path(folder), is_demo=True, tls="none"))
        box: Services = app.extensions[EXTENSION]
        box.store.card_prints.keep(3, PrintScale(0.97, 0.005, "ruler"))
        with browser() as started, serving(app) as origin:
            page = paired_page(started, origin, box)
            for name, path, scheme in _SCREENS:
                page.emulate_media(color_scheme=scheme)
                page.goto(path)
                page.evaluate("document.querySelectorAll('img').forEach(each => each.loading = 'eager')")
                page.wait_for_load_state("networkidle")
                keep(page, FOLDER / f"{name}.png", _COLOURS)
        box.store.close()


if __name__ == "__main__":
    main()
