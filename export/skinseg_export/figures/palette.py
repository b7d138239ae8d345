"""The few colours of every figure, chosen so that readers with any kind of colour blindness can tell them apart."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skinseg_edge.class_colours import class_colours
from skinseg_runtime.overlay import LIGHT

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = [
    "ACCENT",
    "FOUND",
    "GRID",
    "INK",
    "MAIN",
    "PAPER",
    "QUIET",
    "TRUTH",
    "Rgb",
    "amounts",
    "heat",
    "hex_of",
    "line_colours",
]

Rgb: TypeAlias = tuple[int, int, int]

TRUTH: Rgb = (255, 196, 61)  # amber: what was drawn by a person
FOUND: Rgb = LIGHT  # turquoise, the overlay's own: what was found
PAPER, INK, QUIET, GRID = "#ffffff", "#1f2933", "#6b7280", "#e3e6ea"
MAIN, ACCENT = "#2f6f73", "#c2410c"  # one line alone; the point to look at
_BRIGHTEST = 0.52  # luminance of a line on white paper; above, it fades away


def hex_of(colour: Rgb) -> str:
    """Return an RGB colour, 0 to 255, as matplotlib takes it.

    >>> hex_of(TRUTH)
    '#ffc43d'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def line_colours(count: int) -> list[str]:
    """Return the colours of `class_colours` for lines on white: the too bright ones are darkened, their hue is kept."""
    shades = class_colours(count) / 255
    luminance = shades @ np.array([0.2126, 0.7152, 0.0722])
    darker = shades * np.minimum(1, _BRIGHTEST / np.maximum(luminance, 1e-6))[:, None]
    return [hex_of((int(red), int(green), int(blue))) for red, green, blue in np.rint(255 * darker)]


def amounts() -> "Colormap":
    """Return the scale from nothing (paper) to all (deep teal); one hue, so only the lightness tells the amount."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("amounts", ["#fbfcfc", "#cfe3e2", "#7fb5b5", "#2f6f73", "#0e3b43"])


def heat() -> "Colormap":
    """Return the scale of heat maps over skin: dark violet over magenta to yellow, lightness rising all the way."""
    from matplotlib import colormaps

    return colormaps["plasma"]
