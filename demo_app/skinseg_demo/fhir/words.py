"""Text for FHIR: without what its strings may not hold, and as the narrative that a person reads."""

import re
from collections.abc import Iterable
from html import escape

from skinseg_demo.fhir.names import SYSTEM
from skinseg_demo.strings import REFERENCE, strings_of

__all__ = ["Coding", "coding", "concept", "narrative", "notes", "plain", "wording"]

Coding = dict[str, object]

# Control characters but tab and line ends, and what XML has no words for.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Spaces of print, such as the one that does not break: to some checkers of FHIR they are no letter of a string.
_ODD_SPACES = re.compile(r"[^\S\t\n\r ]")


def plain(text: str) -> str:
    r"""Return a text as a FHIR string may hold it.

    >>> plain(" left\x00 arm ")
    'left arm'
    """
    return _ODD_SPACES.sub(" ", _UNWRITABLE.sub("", text)).strip()


def coding(system: str, code: str, display: str) -> Coding:
    """Return a code of a system; one of our own where *system* is a word such as "measure"."""
    return {"system": system if ":" in system else f"{SYSTEM}/{system}", "code": code, "display": display}


def concept(text: str, *codings: Coding) -> dict[str, object]:
    """Return what is meant, in words and in codes."""
    return {"text": text, **({"coding": list(codings)} if codings else {})}


def narrative(*sentences: str) -> dict[str, object]:
    """Return the text of a resource; the fixed wording always ends it."""
    paragraphs = "".join(f"<p>{escape(plain(each))}</p>" for each in (*sentences, wording()))
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'}


def notes(sentences: Iterable[str]) -> list[dict[str, object]]:
    """Return sentences as annotations; empty ones are left out."""
    return [{"text": text} for text in map(plain, sentences) if text]


def wording() -> str:
    """Return the sentence that stands with every measurement."""
    return strings_of(REFERENCE)["app.wording"]
