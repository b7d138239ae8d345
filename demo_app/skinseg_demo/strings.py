"""The words of the pages, in the language that the phone asks for: one JSON file a language.

A file holds its own name (`_name`), the direction of its writing (`dir`: "ltr" or "rtl"), and `_reviewed`: false where
no speaker has read it yet, which its pages then say. English is the reference: tests hold the others to its keys.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, g, request

__all__ = [
    "COOKIE",
    "REFERENCE",
    "Language",
    "add_strings",
    "chosen_language",
    "language",
    "languages",
    "strings_of",
    "t",
]

COOKIE = "lang"
REFERENCE = "en"
_FOLDER = Path(__file__).parent / "strings"


@dataclass(frozen=True)
class Language:
    """One language. *code*: of BCP 47. *name*: in its own words. *is_reviewed*: whether a speaker has read it."""

    code: str
    name: str
    is_reviewed: bool


@cache
def languages() -> tuple[Language, ...]:
    """Return every language there is a file of, by code."""
    found = (json.loads(path.read_text(encoding="utf-8")) | {"code": path.stem} for path in _FOLDER.glob("*.json"))
    return tuple(
        Language(words["code"], words.get("_name", words["code"]), words.get("_reviewed", True))
        for words in sorted(found, key=lambda words: str(words["code"]))
    )


def language() -> str:
    """Return the language of this request: the cookie `lang`, else what the browser asks for, else English."""
    if "language" not in g:
        known = tuple(each.code for each in languages())
        g.language = chosen_language() or request.accept_languages.best_match(known, REFERENCE)
    found: str = g.language
    return found


def chosen_language() -> str | None:
    """Return the language that this browser was told to use; None if it was told nothing that we have."""
    chosen = request.cookies.get(COOKIE)
    return chosen if chosen in {each.code for each in languages()} else None


def t(key: str, **values: object) -> str:
    """Return the words for a key such as "home.title", with {placeholders} filled from *values*.

    Raises KeyError if English has no such key; a language that lacks one borrows the English words.
    """
    words = strings_of(language()).get(key) or strings_of(REFERENCE)[key]
    return words.format(**values) if values else words


@cache
def strings_of(name: str) -> dict[str, str]:
    """Return the words of one language by their dotted keys."""
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return {key: str(words) for key, words in json.loads(text).items() if not key.startswith("_")}


def add_strings(app: Flask) -> None:
    """Let templates say t("key"), and hand the keys that begin with "js." to the scripts."""

    @app.context_processor
    def words() -> dict[str, object]:
        code = language()
        for_scripts = {key: t(key) for key in strings_of(REFERENCE) if key.startswith("js.")}
        return {
            "t": t,
            "language": code,
            "languages": languages(),
            "is_reviewed": next(each.is_reviewed for each in languages() if each.code == code),
            "strings_json": json.dumps(for_scripts, ensure_ascii=False),
        }
