"""The words of the pages, in the language that the phone asks for: one JSON file a language."""

import json
from functools import cache
from pathlib import Path

from flask import Flask, g, request

__all__ = ["LANGUAGES", "add_strings", "language", "strings_of", "t"]

LANGUAGES = ("en",)
_FOLDER = Path(__file__).parent / "strings"
_REFERENCE = "en"


def language() -> str:
    """Return the language of this request: the cookie `lang`, else what the browser asks for, else English."""
    if "language" not in g:
        chosen = request.cookies.get("lang", "")
        g.language = chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES, _REFERENCE)
    found: str = g.language
    return found


def t(key: str, **values: object) -> str:
    """Return the words for a key such as "home.title", with {placeholders} filled from *values*.

    Raises KeyError if English has no such key; a language that lacks one borrows the English words.
    """
    words = strings_of(language()).get(key) or strings_of(_REFERENCE)[key]
    return words.format(**values) if values else words


@cache
def strings_of(name: str) -> dict[str, str]:
    """Return the words of one language by their dotted keys."""
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return {key: str(words) for key, words in json.loads(text).items()}


def add_strings(app: Flask) -> None:
    """Let templates say t("key"), and hand the keys that begin with "js." to the scripts."""

    @app.context_processor
    def words() -> dict[str, object]:
        for_scripts = {key: t(key) for key in strings_of(_REFERENCE) if key.startswith("js.")}
        return {"t": t, "language": language(), "strings_json": json.dumps(for_scripts, ensure_ascii=False)}
