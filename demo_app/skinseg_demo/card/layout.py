"""Where everything lies on the card, in millimetres from its top left corner.

The four markers are the corners of one square, so that a photo that shows them all gives the plane by a base of 85 mm.
Their numbers say which card it is: a box counts its prints from 1 to 12, since each was printed a little differently.
"""

from typing import NamedTuple

from skinseg_edge.errors import InputError

__all__ = [
    "BANK_CARD_MM",
    "CARD_MM",
    "CARD_NUMBERS",
    "COLOUR_PATCHES",
    "GAUGE_MM",
    "GAUGE_START",
    "GREY_PATCHES",
    "MARKER_MM",
    "RULER_MM",
    "RULER_START",
    "SQUARE_MM",
    "WINDOW",
    "Box",
    "card_of_marker",
    "marker_boxes",
    "marker_numbers",
]


class Box(NamedTuple):
    """A rectangle: left, top, width, height, mm."""

    x: float
    y: float
    width: float
    height: float


CARD_MM = (105.0, 148.0)  # A6, upright
CARD_NUMBERS = range(1, 13)  # four of the fifty markers each
MARKER_MM = 20.0
SQUARE_MM = 85.0  # from the outer corner of one marker to that of the next
WINDOW = Box(33.5, 36.5, 38.0, 38.0)  # to be cut out; the lesion lies in it

RULER_MM = 50.0
RULER_START = (10.0, 110.0)

BANK_CARD_MM = 85.60  # ISO/IEC 7810 ID-1, width; its tolerance is below what an eye reads here
GAUGE_START = (5.0, 130.0)
GAUGE_MM = (79.0, 94.0)  # first and last mark, from GAUGE_START

GREY_PATCHES = tuple((value, value, value) for value in (243, 200, 160, 122, 85, 52))  # sRGB, 0..255
COLOUR_PATCHES = ((175, 54, 60), (70, 148, 73), (56, 61, 150), (231, 199, 31), (194, 150, 130), (115, 82, 68))

_SQUARE_START = (10.0, 13.0)
_PER_CARD = 4


def marker_numbers(card: int) -> tuple[int, int, int, int]:
    """Return the numbers (DICT_4X4_50) of a card's markers: top left, top right, bottom right, bottom left.

    Raises InputError if there is no card of this number.
    """
    if card not in CARD_NUMBERS:
        raise InputError(
            f"cannot draw card {card}: cards are numbered {CARD_NUMBERS[0]} to {CARD_NUMBERS[-1]}; choose one of them"
        )
    first = (card - 1) * _PER_CARD
    return first, first + 1, first + 2, first + 3


def card_of_marker(marker: int) -> int | None:
    """Return the number of the card that bears a marker; None if none of ours does."""
    card = marker // _PER_CARD + 1
    return card if card in CARD_NUMBERS else None


def marker_boxes() -> tuple[Box, Box, Box, Box]:
    """Return where the four markers lie, in the order of `marker_numbers`."""
    left, top = _SQUARE_START
    right, bottom = left + SQUARE_MM - MARKER_MM, top + SQUARE_MM - MARKER_MM
    places = ((left, top), (right, top), (right, bottom), (left, bottom))
    first, second, third, fourth = (Box(x, y, MARKER_MM, MARKER_MM) for x, y in places)
    return first, second, third, fourth
