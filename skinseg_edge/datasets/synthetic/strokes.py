"""Thin things drawn over a picture: tapered curves, drawn at twice the size so that their edges come out smooth."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field, share

__all__ = ["OVERSAMPLING", "blend", "canvas", "coverage", "curve", "draw_stroke", "shaded"]

OVERSAMPLING = 2
# cv2 takes fixed-point coordinates; 4 fractional bits are a sixteenth of a (half) pixel.
_SHIFT = 4


def canvas(hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Make an empty drawing surface, uint8, OVERSAMPLING times the picture's size."""
    return np.zeros((hw[0] * OVERSAMPLING, hw[1] * OVERSAMPLING), np.uint8)


def coverage(drawn: NDArray[np.uint8], hw: tuple[int, int]) -> Field:
    """Reduce a drawing surface to the picture's size: 0..1, how much of each pixel is covered."""
    small = cv2.resize(drawn, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    return share(small)


def curve(
    start: tuple[float, float], angle: float, length_px: float, bends: tuple[float, float], points: int = 28
) -> NDArray[np.float64]:
    """Walk a smooth curve. *bends*: total turn in radians, and the turn that comes and goes again (an S).

    Returns (points, 2), float64, (x, y) in px.
    """
    t = np.linspace(0, 1, points)
    heading = angle + bends[0] * t + bends[1] * np.sin(2 * math.pi * t)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * (length_px / points)
    return np.asarray(start + np.cumsum(steps, axis=0), np.float64)


def draw_stroke(
    drawn: NDArray[np.uint8], path: NDArray[np.float64], widths_px: NDArray[np.float64], value: int = 255
) -> None:
    """Fill a curve of changing width on a drawing surface. *path*: (P, 2), picture px. *widths_px*: (P,)."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    # cv2 adds about half a pixel of its own at every anti-aliased edge.
    half = np.maximum(widths_px * OVERSAMPLING - 1, 0.2)[:, None] / 2
    centre = (path + 0.5) * OVERSAMPLING - 0.5
    outline = np.concatenate([centre + across * half, (centre - across * half)[::-1]])
    cv2.fillPoly(drawn, [np.rint(outline * (1 << _SHIFT)).astype(np.int32)], value, cv2.LINE_AA, _SHIFT)


def blend(picture: Field, cover: Field, colour: NDArray[np.float32]) -> Field:
    """Lay a colour, (3,) or (H, W, 3), over a picture where *cover* says, 0..1."""
    change = colour - picture
    change *= cover[..., None]
    change += picture
    return np.asarray(change, np.float32)


def shaded(picture: Field, shadow: Field, strength: float) -> Field:
    """Darken a picture where *shadow* says, 0..1; by *strength* where it is 1."""
    return np.asarray(picture * (1 - np.float32(strength) * shadow)[..., None], np.float32)
