"""How the report looks: one accent, three sizes of letters, columns."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from reportlab.lib.colors import Color
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Table

from skinseg_demo.report.paper_words import PaperWords

__all__ = ["ACCENT", "INNER_WIDTH", "LINE", "MARGIN", "PrintStyle", "bare", "in_columns", "side_by_side"]

MARGIN = 15 * mm
INNER_WIDTH = A4[0] - 2 * MARGIN
ACCENT = Color(11 / 255, 85 / 255, 99 / 255)
LINE = Color(196 / 255, 204 / 255, 208 / 255)
_SOFT = Color(81 / 255, 96 / 255, 103 / 255)
_PAPER = Color(237 / 255, 244 / 255, 245 / 255)
_GAP = 8 * mm

_Rule: TypeAlias = tuple[str, tuple[int, int], tuple[int, int], Any]  # of reportlab: what, from, to, how much


class PrintStyle:
    """Paragraphs in the letters of a language."""

    def __init__(self, words: PaperWords) -> None:
        self.words = words

    def title(self, text: str, *, is_right: bool = False) -> Paragraph:
        """Return the large line at the top."""
        return self._paragraph(text, 16, is_bold=True, alignment=TA_RIGHT if is_right else 0)

    def heading(self, text: str) -> Paragraph:
        """Return the head of a section."""
        return self._paragraph(text, 10.5, is_bold=True, textColor=ACCENT, spaceAfter=3)

    def body(self, text: str, *, is_bold: bool = False, is_right: bool = False) -> Paragraph:
        """Return a line or some."""
        return self._paragraph(text, 9, is_bold=is_bold, alignment=TA_RIGHT if is_right else 0)

    def soft(self, text: str) -> Paragraph:
        """Return what is said aside."""
        return self._paragraph(text, 8, textColor=_SOFT)

    def item(self, text: str) -> Paragraph:
        """Return an item of a list."""
        return self._paragraph(text, 8.5, bullet="-", leftIndent=8, spaceAfter=1)

    def boxed(self, text: str) -> Table:
        """Return what nobody should overlook."""
        return Table(
            [[self._paragraph(text, 10.5, is_bold=True)]],
            colWidths=(INNER_WIDTH,),
            style=[
                ("BACKGROUND", (0, 0), (-1, -1), _PAPER),
                ("LINEBEFORE", (0, 0), (0, -1), 3, ACCENT),
                ("LEFTPADDING", (0, 0), (-1, -1), 8),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ],
        )

    def _paragraph(
        self, text: str, size: float, *, is_bold: bool = False, bullet: str | None = None, **settings: Any
    ) -> Paragraph:
        words = self.words
        style = ParagraphStyle(
            "paper",
            fontName=words.bold if is_bold else words.plain,
            bulletFontName=words.plain,
            bulletFontSize=size,
            fontSize=size,
            leading=size * 1.3,
            shaping=int(words.is_shaped),
            splitLongWords=1,
            **settings,
        )
        return Paragraph(words.marked_up(text, is_bold=is_bold), style, bulletText=bullet)


def in_columns(*columns: Sequence[Flowable]) -> Table:
    """Return columns of the same width, side by side."""
    width = (INNER_WIDTH - _GAP * (len(columns) - 1)) / len(columns)
    widths = [width + _GAP] * (len(columns) - 1) + [width]
    return Table(
        [[list(column) for column in columns]],
        colWidths=widths,
        style=side_by_side(_GAP),
    )


def side_by_side(gap: float) -> list[_Rule]:
    """Return the style of a table whose columns begin at the same height, *gap* points apart, with nothing around."""
    return [*bare(), ("VALIGN", (0, 0), (-1, -1), "TOP"), ("RIGHTPADDING", (0, 0), (-2, -1), gap)]


def bare() -> list[_Rule]:
    """Return the style of a table that leaves no room around what it holds."""
    sides = ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")
    return [(side, (0, 0), (-1, -1), 0) for side in sides]
