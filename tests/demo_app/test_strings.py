"""The words in every language: the same keys and placeholders, and the language that a browser asks for."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from skinseg_demo import DemoConfig, strings
from skinseg_demo.strings import languages, strings_of
from tests.demo_app.browsers import ORIGIN, MakeApp, browser_of

_FOLDER = Path(strings.__file__).parent / "strings"
_OTHERS = tuple(each.code for each in languages() if each.code != "en")


def _placeholders(words: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)[^}]*\}", words))


def _words_in(words: str) -> list[str]:
    return re.findall(r"[A-Za-z]{3,}", re.sub(r"\{\w+\}", "", words))


def test_five_languages_are_there() -> None:
    assert {each.code: each.name for each in languages()} == {
        "en": "English",
        "es": "Español",
        "fr": "Français",
        "hi": "हिन्दी",
        "sw": "Kiswahili",
    }


@pytest.mark.parametrize("code", _OTHERS)
class TestTranslation:
    """One language against English."""

    def test_it_has_the_keys_of_english_no_more_and_no_less(self, code: str) -> None:
        english, other = set(strings_of("en")), set(strings_of(code))

        assert (sorted(english - other), sorted(other - english)) == ([], [])

    def test_each_placeholder_is_filled_in_it_too(self, code: str) -> None:
        english, other = strings_of("en"), strings_of(code)

        wrong = {key for key in set(english) & set(other) if _placeholders(english[key]) != _placeholders(other[key])}

        assert wrong == set()

    def test_no_word_is_empty_or_left_in_english(self, code: str) -> None:
        english, other = strings_of("en"), strings_of(code)
        long_ones = {key for key, words in english.items() if len(_words_in(words)) >= 3}

        assert [key for key, words in other.items() if english.get(key) and not words.strip()] == []
        assert sorted(key for key in long_ones & set(other) if other[key] == english[key]) == []

    def test_it_is_told_to_be_unread_by_a_speaker_until_one_has(self, code: str, client: FlaskClient) -> None:
        document = json.loads((_FOLDER / f"{code}.json").read_text(encoding="utf-8"))
        page = client.get("/", base_url=ORIGIN, headers={"Accept-Language": code}).text

        assert document["_reviewed"] is False
        assert document["foot.unreviewed"] in unescape(page)


def test_english_needs_no_such_note(client: FlaskClient) -> None:
    assert strings_of("en")["foot.unreviewed"] not in client.get("/", base_url=ORIGIN).text


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("es-MX,es;q=0.9,en;q=0.5", "es"),
        ("de-DE,fr;q=0.7,en;q=0.3", "fr"),
        ("hi", "hi"),
        ("sw-KE", "sw"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        ("xx;q=nonsense", "en"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for(asked: str, answered: str, client: FlaskClient) -> None:
    page = client.get("/", base_url=ORIGIN, headers={"Accept-Language": asked}).text

    assert f'<html lang="{answered}" dir="ltr"' in page


def _chosen(client: FlaskClient, **form: str) -> tuple[int, str | None]:
    answer = client.post("/language", base_url=ORIGIN, headers={"Origin": ORIGIN}, data=form)
    return answer.status_code, answer.headers.get("Location")


def test_a_chosen_language_stays_and_outweighs_the_browsers(client: FlaskClient) -> None:
    answer = _chosen(client, lang="sw", next="/p")
    page = client.get("/p", base_url=ORIGIN, headers={"Accept-Language": "fr"}).text

    assert answer == (303, "/p")
    assert '<html lang="sw"' in page
    assert 'lang="sw" aria-current="true"' in page


@pytest.mark.parametrize("code", ["", "de", "../en", "en\r\nSet-Cookie: a=b"])
def test_a_language_that_is_not_there_is_refused(code: str, client: FlaskClient) -> None:
    assert _chosen(client, lang=code, next="/")[0] == 400


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "evil",
        "",
        "/a\r\nSet-Cookie: a=b",
        "/\t/evil.example",
    ],
)
def test_the_switch_leads_nowhere_but_into_the_box(address: str, client: FlaskClient) -> None:
    assert _chosen(client, lang="fr", next=address) == (303, "/")


def test_another_site_cannot_change_the_language(client: FlaskClient) -> None:
    answer = client.post(
        "/language", base_url=ORIGIN, headers={"Origin": "https://evil.example"}, data={"lang": "fr", "next": "/"}
    )

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_of_the_language_cannot_be_read_by_scripts(client: FlaskClient) -> None:
    answer = client.post("/language", base_url=ORIGIN, headers={"Origin": ORIGIN}, data={"lang": "fr"})

    cookie = answer.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.usefixtures("made_up")
def test_a_language_written_from_right_to_left_needs_only_its_file(config: DemoConfig, make_app: MakeApp) -> None:
    page = browser_of(make_app(config)).get("/", base_url=ORIGIN, headers={"Accept-Language": "qx"}).text

    assert '<html lang="qx" dir="rtl"' in page
    assert "This phone is not paired" in page  # English stands in for what is missing


# The middle is as far from one side as from the other.
_OF_A_SIDE = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)[\w-]*"
    r"|(?:left|right)(?!\s*:\s*50%)|border-(?:top|bottom)-(?:left|right)-radius)\s*:|:\s*(?:left|right)\s*[;}]"
)


@pytest.mark.parametrize("path", sorted((_FOLDER.parent / "static").rglob("*.css")), ids=lambda path: path.name)
def test_styles_know_start_and_end_and_no_left_and_right(path: Path) -> None:
    assert [found[0] for found in _OF_A_SIDE.finditer(path.read_text(encoding="utf-8"))] == []


def test_the_check_of_styles_really_finds_sides() -> None:
    bad = "a { margin-left: 1px; } b { left: 0 } c { text-align: right; } d { border-top-left-radius: 2px }"

    assert len(_OF_A_SIDE.findall(bad)) == 4
    assert _OF_A_SIDE.findall("a { margin-inline-start: 1px; text-align: end } b { left: 50% } .copyright: {}") == []
