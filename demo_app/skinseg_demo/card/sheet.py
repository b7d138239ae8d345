"""A card as PDF: alone on A6, or on A4 with lines to cut along. Text is in Helvetica, which every viewer has."""

import io
from collections.abc import Callable
from typing import Literal

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from skinseg_demo.card.drawing import card_shapes
from skinseg_demo.card.layout import CARD_MM
from skinseg_demo.card.shapes import Line, Rectangle, Shape, Words

__all__ = ["Paper", "card_pdf"]

Paper = Literal["a4", "a6"]

_A4_MM = (210.0, 297.0)
_CAPITAL = 0.718  # of Helvetica's size
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_STEPS = ("card.step_print", "card.step_cut", "card.step_check")


def card_pdf(card: int, say: Callable[[str], str], paper: Paper = "a6") -> bytes:
    """Return the card of a number as a PDF of one page; the same one gives the same bytes.

    *say*: returns the words for a key, in letters that Helvetica has; others become question marks.

    Raises InputError if there is no card of this number.
    """
    shapes = card_shapes(card, say)
    size = CARD_MM if paper == "a6" else _A4_MM
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(size[0] * mm, size[1] * mm), invariant=1)
    canvas.setTitle(_latin(say("card.name").format(card=card)))
    left, top = (0.0, 0.0) if paper == "a6" else ((size[0] - CARD_MM[0]) / 2, 25.0)
    # From here on millimetres from the top left of the card, y downwards; text alone must be turned back.
    canvas.translate(left * mm, (size[1] - top) * mm)
    for shape in (*shapes, *(_around(say) if paper == "a4" else ())):
        _draw(canvas, shape)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _around(say: Callable[[str], str]) -> tuple[Shape, ...]:
    """Return the cut lines around the card, and below it what to do."""
    width, height = CARD_MM
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    lines = (Line(*start, *end, is_dashed=True) for start, end in zip(corners, corners[1:] + corners[:1], strict=True))
    steps = (
        Words(-25.0, height + 18 + 8 * number, f"{number + 1}. {say(key)}", 2.6) for number, key in enumerate(_STEPS)
    )
    return (*lines, *steps)


def _draw(canvas: Canvas, shape: Shape) -> None:
    if isinstance(shape, Rectangle):
        _colour(canvas, shape.fill)
        canvas.rect(shape.x * mm, -(shape.y + shape.height) * mm, shape.width * mm, shape.height * mm, stroke=0, fill=1)
    elif isinstance(shape, Line):
        canvas.setStrokeColorRGB(*(value / 255 for value in shape.colour))
        canvas.setLineWidth(shape.width * mm)
        canvas.setDash([2 * mm, 2 * mm] if shape.is_dashed else [])
        canvas.line(shape.x0 * mm, -shape.y0 * mm, shape.x1 * mm, -shape.y1 * mm)
    else:
        _write(canvas, shape)


def _write(canvas: Canvas, words: Words) -> None:
    _colour(canvas, words.colour)
    canvas.setFont(_BOLD if words.is_bold else _PLAIN, words.height / _CAPITAL * mm)
    draw = {"left": canvas.drawString, "middle": canvas.drawCentredString, "right": canvas.drawRightString}
    draw[words.align](words.x * mm, -words.y * mm, _latin(words.text))


def _colour(canvas: Canvas, rgb: tuple[int, int, int]) -> None:
    canvas.setFillColorRGB(*(value / 255 for value in rgb))


def _latin(text: str) -> str:
    return text.encode("cp1252", "replace").decode("cp1252")
