"""A box that serves nothing but tests: an application in a folder of its own, phones, and a clock wound by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, create_app, strings
from skinseg_demo.services import EXTENSION, Services
from skinseg_demo.strings import languages, strings_of
from tests.demo_app.browsers import HandClock, MakeApp, browser_of, paired


@pytest.fixture
def clock() -> HandClock:
    """The time of the box."""
    return HandClock()


@pytest.fixture
def config(tmp_path: Path) -> DemoConfig:
    """Settings with TLS by the box's own CA, which is not made."""
    return DemoConfig(state=tmp_path / "state")


@pytest.fixture
def make_app(clock: HandClock) -> Iterator[MakeApp]:
    """Make an application; no thread runs and nothing listens."""
    made: list[Flask] = []

    def make(config: DemoConfig) -> Flask:
        made.append(create_app(config, now=clock))
        return made[-1]

    yield make
    for app in made:
        app.extensions[EXTENSION].store.close()


@pytest.fixture
def app(config: DemoConfig, make_app: MakeApp) -> Flask:
    """The application of `config`."""
    return make_app(config)


@pytest.fixture
def box(app: Flask) -> Services:
    """What the application works with."""
    services: Services = app.extensions[EXTENSION]
    return services


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser of the network that is not paired."""
    return browser_of(app)


@pytest.fixture
def phone(app: Flask, box: Services) -> FlaskClient:
    """The browser of a paired phone."""
    return paired(browser_of(app), box)


@pytest.fixture
def admin(app: Flask, box: Services) -> FlaskClient:
    """The browser of the admin."""
    return paired(browser_of(app), box, "admin")


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """English, and a made-up language "qx": Hebrew letters for those of English, from right to left, a word missing."""
    folder = tmp_path / "strings"
    folder.mkdir()
    english = json.loads((Path(strings.__file__).parent / "strings" / "en.json").read_text(encoding="utf-8"))
    letters = str.maketrans({chr(97 + index): chr(0x5D0 + index) for index in range(26)})
    words = {key: text.lower().translate(letters) if "{" not in text else text for key, text in english.items()}
    words |= {"dir": "rtl", "_name": "Made up", "_reviewed": True}
    del words["not_paired.title"]
    for code, said in (("en", english), ("qx", words)):
        (folder / f"{code}.json").write_text(json.dumps(said), encoding="utf-8")
    monkeypatch.setattr(strings, "_FOLDER", folder)
    for cached in (languages, strings_of):
        cached.cache_clear()
    yield
    for cached in (languages, strings_of):
        cached.cache_clear()
