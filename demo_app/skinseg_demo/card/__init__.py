"""The printed card: four ArUco markers around a window, patches of grey and colour, and how large a printer made it.

`card.sheet` makes its PDF.
"""

from skinseg_demo.card.drawing import card_shapes
from skinseg_demo.card.layout import CARD_NUMBERS, marker_numbers
from skinseg_demo.card.pixels import pixels_from_shapes
from skinseg_demo.card.print_scale import PrintScale, print_scale_from_bank_card, print_scale_from_ruler
from skinseg_demo.card.reading import scale_from_printed_card

__all__ = [
    "CARD_NUMBERS",
    "PrintScale",
    "card_shapes",
    "marker_numbers",
    "pixels_from_shapes",
    "print_scale_from_bank_card",
    "print_scale_from_ruler",
    "scale_from_printed_card",
]
