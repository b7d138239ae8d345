"""The card as shapes: markers, window, patches with their values, a ruler, and a gauge for a bank card."""

from collections.abc import Callable, Iterator
from itertools import chain

import cv2

from skinseg_demo.card.layout import (
    BANK_CARD_MM,
    CARD_MM,
    COLOUR_PATCHES,
    GAUGE_MM,
    GAUGE_START,
    GREY_PATCHES,
    MARKER_MM,
    RULER_MM,
    RULER_START,
    WINDOW,
    Box,
    marker_boxes,
    marker_numbers,
)
from skinseg_demo.card.shapes import BLACK, WHITE, Line, Rectangle, Rgb, Shape, Words

__all__ = ["card_shapes"]

_CELLS = 6  # a marker of 4 x 4 bits and its black border
_OVERLAP_MM = 0.02  # white cells that touch: viewers leave a hair between them
_PATCH_MM = (11.0, 5.2)
_LEFT_EDGE = marker_boxes()[0].x
_SOFT: Rgb = (90, 90, 90)

Say = Callable[[str], str]


def card_shapes(card: int, say: Say) -> tuple[Shape, ...]:
    """Return what is drawn on a card of a number. *say*: returns the words for a key such as "card.flat".

    Raises InputError if there is no card of this number.
    """
    markers = zip(marker_numbers(card), marker_boxes(), strict=True)
    return tuple(
        chain(
            chain.from_iterable(_marker(number, box) for number, box in markers),
            _window(say),
            _patches(GREY_PATCHES, _LEFT_EDGE, is_left=True),
            _patches(COLOUR_PATCHES, CARD_MM[0] - _LEFT_EDGE - _PATCH_MM[0], is_left=False),
            _instructions(card, say),
            _ruler(say),
            _gauge(say),
            _foot(card),
        )
    )


def _marker(number: int, box: Box) -> Iterator[Shape]:
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    cells = cv2.aruco.generateImageMarker(dictionary, number, _CELLS) > 0
    side = box.width / _CELLS
    yield Rectangle(*box)
    for row, column in zip(*cells.nonzero(), strict=True):
        wider = _OVERLAP_MM * bool(cells[row, column + 1])  # the border is black, so there is a next one
        higher = _OVERLAP_MM * bool(cells[row + 1, column])
        yield Rectangle(box.x + column * side, box.y + row * side, side + wider, side + higher, WHITE)


def _window(say: Say) -> Iterator[Shape]:
    left, top, width, height = WINDOW
    right, bottom = left + width, top + height
    for edge in (
        (left, top, right, top),
        (right, top, right, bottom),
        (right, bottom, left, bottom),
        (left, bottom, left, top),
    ):
        yield Line(*edge, width=0.25, colour=_SOFT, is_dashed=True)
    middle = left + width / 2
    yield Words(middle, top + height / 2 - 1.5, say("card.cut_out"), 1.7, "middle", colour=_SOFT)
    yield Words(middle, top + height / 2 + 2.5, say("card.lesion_here"), 1.7, "middle", colour=_SOFT)


def _patches(colours: tuple[Rgb, ...], left: float, *, is_left: bool) -> Iterator[Shape]:
    """Draw one below the other, the values of sRGB outside of them."""
    width, height = _PATCH_MM
    step = WINDOW.height / len(colours)
    for number, colour in enumerate(colours):
        top = WINDOW.y + number * step + (step - height) / 2
        value = str(colour[0]) if len(set(colour)) == 1 else " ".join(map(str, colour))
        yield Rectangle(left, top, width, height, colour)
        side = left + width + 0.8 if is_left else left - 0.8
        yield Words(side, top + height / 2 + 0.7, value, 1.3, "left" if is_left else "right", colour=_SOFT)


def _instructions(card: int, say: Say) -> Iterator[Shape]:
    middle = CARD_MM[0] / 2
    yield Words(middle, 21.0, say("card.name").format(card=card), 4.2, "middle", is_bold=True)
    yield Words(middle, 26.0, say("card.flat"), 1.8, "middle")
    yield Words(middle, 29.4, say("card.around"), 1.8, "middle")
    yield Words(middle, 84.0, say("card.from_above"), 1.8, "middle")
    yield Words(middle, 87.4, say("card.all_four"), 1.8, "middle")
    yield Words(middle, 92.5, say("card.colours_relative"), 1.35, "middle", colour=_SOFT)


def _ruler(say: Say) -> Iterator[Shape]:
    left, base = RULER_START
    yield Line(left, base, left + RULER_MM, base)
    for mm in range(round(RULER_MM) + 1):
        long = 4.0 if mm % 10 == 0 else 3.0 if mm % 5 == 0 else 2.0
        yield Line(left + mm, base, left + mm, base - long, width=0.15)
        if mm % 10 == 0:
            yield Words(left + mm, base + 2.7, str(mm), 1.8, "middle")
    yield Words(left + RULER_MM + 4, base - 0.6, say("card.ruler"), 2.0)
    yield Words(left + RULER_MM + 4, base + 2.7, say("card.ruler_true"), 1.6, colour=_SOFT)


def _gauge(say: Say) -> Iterator[Shape]:
    """Draw a line for a bank card's long edge, and marks at which its right edge may end: mm of this drawing."""
    left, base = GAUGE_START
    yield Words(left, base - 6.0, say("card.gauge"), 1.8)
    yield Words(left, base - 2.8, say("card.gauge_read"), 1.8)
    yield Line(left, base - 1.5, left, base + 4.5, width=0.4)
    yield Line(left, base, left + GAUGE_MM[1], base, width=0.15)
    first, last = GAUGE_MM
    for half in range(round(2 * first), round(2 * last) + 1):
        mm = half / 2
        long = 3.0 if mm % 5 == 0 else 2.2 if mm % 1 == 0 else 1.2
        yield Line(left + mm, base, left + mm, base + long, width=0.12)
        if mm % 10 == 0:
            yield Words(left + mm, base + 5.0, f"{mm:.0f}", 1.5, "middle")
    true = left + BANK_CARD_MM
    yield Line(true, base, true, base + 4.6, width=0.3)
    yield Words(true, base + 6.8, f"{BANK_CARD_MM:.1f}", 1.6, "middle", is_bold=True)


def _foot(card: int) -> Iterator[Shape]:
    first, _, _, last = marker_numbers(card)
    words = f"skinseg-edge · ArUco DICT_4X4_50 {first}-{last} · {MARKER_MM:.2f} mm"
    yield Words(CARD_MM[0] / 2, CARD_MM[1] - 4.5, words, 1.5, "middle", colour=BLACK)
