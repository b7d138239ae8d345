"""Drawn outlines filled into pixels, exactly: neighbours that share an edge share no pixel and leave none out.

A pixel belongs to a shape when its centre lies inside. Coordinates are LabelMe's: (x, y) in px, origin at the top left
corner of the picture, so that the centre of the first pixel is (0.5, 0.5). Where an outline crosses itself, what it
encloses twice is outside (even-odd rule).
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_circle", "fill_polygon", "lay_mask"]


def fill_polygon(canvas: NDArray[np.uint8], points: NDArray[np.float64], value: int) -> None:
    """Fill a polygon on *canvas*, (H, W), in place with *value*.

    *points*: (n, 2) corners x, y, px, finite; the last is joined with the first. What lies off the canvas is cut off.
    """
    rows, columns = canvas.shape
    left, right = _pixels_between(points[:, 0].min(), points[:, 0].max(), columns)
    top, bottom = _pixels_between(points[:, 1].min(), points[:, 1].max(), rows)
    if top >= bottom or left >= right:
        return
    # flips[y, x]: whether an odd number of edges lies between the centres of pixel x - 1 and pixel x of this row.
    flips = np.zeros((bottom - top, right - left + 1), np.bool_)
    ends = np.roll(points, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(points.tolist(), ends.tolist(), strict=True):
        if y0 > y1:  # one direction for both neighbours of an edge, or rounding could part them
            x0, y0, x1, y1 = x1, y1, x0, y0
        first, last = _pixels_between(y0, y1, rows)
        if first == last:
            continue
        crossed = np.arange(first, last)
        x = x0 + (crossed + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        column = np.clip(np.ceil(x - 0.5), left, right).astype(np.intp)
        flips[crossed - top, column - left] ^= True
    inside = np.logical_xor.accumulate(flips, axis=1)[:, :-1]
    canvas[top:bottom, left:right][inside] = value


def fill_circle(canvas: NDArray[np.uint8], centre_xy: tuple[float, float], radius: float, value: int) -> None:
    """Fill a circle on *canvas*, (H, W), in place with *value*; *centre_xy* and *radius* in px."""
    left, right = _pixels_between(centre_xy[0] - radius, centre_xy[0] + radius, canvas.shape[1])
    top, bottom = _pixels_between(centre_xy[1] - radius, centre_xy[1] + radius, canvas.shape[0])
    y = np.arange(top, bottom)[:, None] + 0.5 - centre_xy[1]
    x = np.arange(left, right)[None, :] + 0.5 - centre_xy[0]
    canvas[top:bottom, left:right][x * x + y * y <= radius * radius] = value


def lay_mask(canvas: NDArray[np.uint8], mask: NDArray[np.bool_], corner: tuple[int, int], value: int) -> None:
    """Write *value* on *canvas*, (H, W), in place where *mask* is True.

    *corner*: row and column of the canvas where the mask's first pixel lies; what lies off the canvas is cut off.
    """
    top, left = max(corner[0], 0), max(corner[1], 0)
    rows, columns = max(canvas.shape[0] - top, 0), max(canvas.shape[1] - left, 0)
    seen = mask[top - corner[0] :, left - corner[1] :][:rows, :columns]
    canvas[top : top + seen.shape[0], left : left + seen.shape[1]][seen] = value


def _pixels_between(low: float, high: float, count: int) -> tuple[int, int]:
    """Return the first pixel whose centre is at *low* or later, and the first at *high* or later; 0 to *count*."""
    return min(max(math.ceil(low - 0.5), 0), count), min(max(math.ceil(high - 0.5), 0), count)
