"""How large a card came out of the printer: printers scale pages to their margins, often to 94 to 97 %.

A person finds out with a bank card, which has the same width everywhere, or with a ruler.
"""

import math
from dataclasses import dataclass
from typing import Literal

from skinseg_demo.card.layout import BANK_CARD_MM, RULER_MM
from skinseg_edge.errors import InputError

__all__ = ["UNCHECKED", "PrintScale", "Way", "print_scale_from_bank_card", "print_scale_from_ruler"]

Way = Literal["bank card", "ruler", "unchecked"]

_READING_MM = 0.25  # marks of half a millimetre are read to half of that
_RANGE = (0.5, 2.2)  # an A6 page that was printed to fill A4 is at 2
_UNCHECKED_ERROR = 0.06  # what "fit to page" makes of 100 %


@dataclass(frozen=True)
class PrintScale:
    """*factor*: printed by drawn length. *relative_error*: of it, half the width of its range. *way*: of measuring."""

    factor: float
    relative_error: float
    way: Way


UNCHECKED = PrintScale(1.0, _UNCHECKED_ERROR, "unchecked")
"""Of a card that nobody has measured: as drawn, with what a printer may have done to it as its range."""


def print_scale_from_bank_card(mark_mm: float) -> PrintScale:
    """Take the mark of the printed gauge at which the bank card's right edge ends; drawn true it is 85.6.

    Raises InputError if the print would be less than half or more than 2.2 times as large as drawn.
    """
    return _checked(BANK_CARD_MM, mark_mm, _READING_MM / BANK_CARD_MM, "bank card", f"the mark {mark_mm:g}")


def print_scale_from_ruler(length_mm: float) -> PrintScale:
    """Take how long the printed ruler of 50 mm is by another ruler, mm.

    Raises InputError as `print_scale_from_bank_card` does.
    """
    return _checked(length_mm, RULER_MM, _READING_MM / RULER_MM, "ruler", f"{length_mm:g} mm")


def _checked(printed_mm: float, drawn_mm: float, error: float, way: Way, given: str) -> PrintScale:
    factor = printed_mm / drawn_mm if drawn_mm else math.inf
    low, high = _RANGE
    if not low <= factor <= high:  # nor NaN
        raise InputError(
            f"cannot take the size of the print: {given} by {way} would make it {factor:.3g} times as large as drawn, "
            f"expected {low} to {high}; read the number again"
        )
    return PrintScale(factor, error, way)
