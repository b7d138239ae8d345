"""Which language and which letters a page of paper gets.

Helvetica, which every PDF viewer has, holds the letters of western Europe: enough for English, Spanish, French and
Swahili, with nothing embedded. Hindi needs a font for Devanagari on the box, and uharfbuzz, since its letters change
their shape and order by their neighbours. Where one is missing, paper is in English and says so: letters in the wrong
order would be worse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from skinseg_demo.strings import REFERENCE, strings_of

__all__ = ["PaperWords", "latin_words", "paper_words"]

_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
# By language: file names of a plain and a bold font that hold its letters, best first.
_FONT_FILES = {"hi": (("NotoSansDevanagari-Regular.ttf", "NotoSansDevanagari-Bold.ttf"),)}
_FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
_ON_PAPER = ("report.", "card.", "js.finding.")


@dataclass(frozen=True)
class PaperWords:
    """*language*: of the words. *plain*, *bold*: names of reportlab's fonts. *is_shaped*: letters join and move.

    *is_fallback*: the language that was asked for cannot be written here, this is English.
    """

    language: str
    plain: str = _PLAIN
    bold: str = _BOLD
    is_shaped: bool = False
    is_fallback: bool = False

    def say(self, key: str, **values: object) -> str:
        """Return the words for a key, as `strings.t` does; English ones where the language has none."""
        words = strings_of(self.language).get(key) or strings_of(REFERENCE)[key]
        return words.format(**values) if values else words

    def marked_up(self, text: str, *, is_bold: bool = False) -> str:
        """Return a text as reportlab's mark-up, in which what a person wrote stays text.

        Letters that the language's font lacks are set in Helvetica; what that lacks, too, becomes a question mark.
        """
        if not self.is_shaped:
            return _latin(text)
        glyphs, latin = _glyphs(self.bold if is_bold else self.plain), _BOLD if is_bold else _PLAIN
        runs = ((has, "".join(letters)) for has, letters in groupby(text, lambda letter: ord(letter) in glyphs))
        return "".join(
            escape(run, quote=False) if has else f'<font name="{latin}">{_latin(run)}</font>' for has, run in runs
        )


def paper_words(language: str, *, folders: tuple[Path, ...] = _FONT_FOLDERS) -> PaperWords:
    """Return the words and letters for a language, English ones where it cannot be written.

    *folders*: where fonts are looked for.
    """
    if _is_latin(language):
        return PaperWords(language)
    if find_spec("uharfbuzz") is not None:
        for plain, bold in _FONT_FILES.get(language, ()):
            if _register(f"{language}-plain", plain, folders) and _register(f"{language}-bold", bold, folders):
                return PaperWords(language, f"{language}-plain", f"{language}-bold", is_shaped=True)
    return PaperWords(REFERENCE, is_fallback=True)


def latin_words(language: str) -> Callable[[str], str]:
    """Return what says a key in a language if Helvetica can write it, else in English; for what must be drawn alike."""
    return PaperWords(language if _is_latin(language) else REFERENCE).say


@cache
def _is_latin(language: str) -> bool:
    """Answer whether Helvetica has every letter of what a language says on paper."""
    words = "".join(said for key, said in strings_of(language).items() if key.startswith(_ON_PAPER))
    return words.encode("cp1252", "ignore").decode("cp1252") == words


def _register(name: str, file_name: str, folders: tuple[Path, ...]) -> bool:
    """Let reportlab know a font, and answer whether there is one; only the letters used end up in a PDF."""
    if name in pdfmetrics.getRegisteredFontNames():
        return True
    path = next((path for folder in folders for path in sorted(folder.rglob(file_name))), None)
    if path is None:
        return False
    try:
        pdfmetrics.registerFont(TTFont(name, path))
    except (TTFError, OSError):  # not every font is one that reportlab reads
        return False
    return True


def _latin(text: str) -> str:
    return escape(text.encode("cp1252", "replace").decode("cp1252"), quote=False)


def _glyphs(name: str) -> Any:
    font: Any = pdfmetrics.getFont(name)  # a TTFont, which knows its letters
    return font.face.charToGlyph
