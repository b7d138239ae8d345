"""The colours by which pictures tell classes apart, the same in class maps, panels and plots.

The first eight are those of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/), which readers with any kind of
colour blindness can tell apart; black is the background's.
"""

import colorsys

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_colours"]

# Reordered so that the first ones stand out from skin, and neighbours in a class list from each other.
_FIRST = (
    (0, 0, 0),  # background
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (204, 121, 167),  # reddish purple
    (86, 180, 233),  # sky blue
    (230, 159, 0),  # orange
)
_TURN = 0.618034  # of the colour circle: steps of the golden ratio never come back to a hue


def class_colours(count: int) -> NDArray[np.uint8]:
    """Return (count, 3) uint8 RGB, one row a class in the order of the contract; the background is black.

    >>> class_colours(3).tolist()
    [[0, 0, 0], [0, 114, 178], [213, 94, 0]]
    """
    further = (
        colorsys.hsv_to_rgb(number * _TURN % 1, 0.75 if number % 2 else 0.45, 0.6 if number % 3 else 0.95)
        for number in range(count - len(_FIRST))
    )
    rows = [*_FIRST, *(tuple(round(255 * level) for level in colour) for colour in further)]
    return np.array(rows[:count], np.uint8).reshape(count, 3)
