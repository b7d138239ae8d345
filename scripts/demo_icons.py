"""Draw the demo's icons for home screens: `python scripts/demo_icons.py` writes them anew after a change of the mark.

The mark is that of static/icons/mark.svg: a closed white line, as an outline of a lesion, on the accent colour.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ICONS", "draw", "png_of"]

FOLDER = Path(__file__).parents[1] / "demo_app" / "skinseg_demo" / "static" / "icons"

# Name, side in pixels, share of the side that the drawing takes, whether the corners are round. A maskable icon is cut
# to any shape, of which only a circle of 80 % of the side is sure to stay.
ICONS = (
    ("icon-192.png", 192, 1.0, True),
    ("icon-512.png", 512, 1.0, True),
    ("mask-512.png", 512, 0.72, False),
    ("touch-180.png", 180, 0.9, False),
)

_ACCENT = (0x63, 0x55, 0x0B, 0xFF)  # blue, green, red, opacity
_WHITE = (0xFF, 0xFF, 0xFF, 0xFF)
_OVERSAMPLING = 4
# The path of mark.svg in its 32 x 32 box: a start, then cubic curves (two handles and an end).
_START = (9.0, 17.0)
_CURVES = (
    ((9, 12), (13, 9), (17, 10)),
    ((21, 11), (24, 14), (23, 18)),
    ((22, 22), (19, 24), (15, 23)),
    ((11, 22), (9, 21), (9, 17)),
)
_SIDE, _CORNER, _STROKE = 32, 7, 2.5


def draw(side: int, share: float, is_round: bool) -> NDArray[np.uint8]:
    """Return an icon, (side, side, 4) uint8 BGRA."""
    large = side * _OVERSAMPLING
    canvas = np.zeros((large, large, 4), np.uint8)
    _fill(canvas, large * _CORNER // _SIDE if is_round else 0)
    scale = large * share / _SIDE
    line = np.rint(_outline() * scale + large * (1 - share) / 2).astype(np.int32)
    cv2.polylines(canvas, [line], True, _WHITE, round(_STROKE * scale))
    return np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as PNG."""
    return bytes(
        cv2.imencode(
            ".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
        )[1]
    )


def _fill(canvas: NDArray[np.uint8], corner: int) -> None:
    """Fill a square with round corners."""
    last = canvas.shape[0] - 1
    cv2.rectangle(canvas, (corner, 0), (last - corner, last), _ACCENT, cv2.FILLED)
    cv2.rectangle(canvas, (0, corner), (last, last - corner), _ACCENT, cv2.FILLED)
    for x in (corner, last - corner):
        for y in (corner, last - corner):
            cv2.circle(canvas, (x, y), corner, _ACCENT, cv2.FILLED)


def _outline() -> NDArray[np.float64]:
    """Return the mark's line, (points, 2) xy in its box."""
    steps = np.linspace(0, 1, 60, endpoint=False)[:, None]
    start, parts = np.array(_START), []
    for curve in _CURVES:
        first, second, end = np.array(curve, np.float64)
        parts.append(
            (1 - steps) ** 3 * start
            + 3 * (1 - steps) ** 2 * steps * first
            + 3 * (1 - steps) * steps**2 * second
            + steps**3 * end
        )
        start = end
    return np.concatenate(parts)


if __name__ == "__main__":
    for name, side, share, is_round in ICONS:
        (FOLDER / name).write_bytes(png_of(draw(side, share, is_round)))
