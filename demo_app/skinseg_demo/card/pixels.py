"""Shapes as pixels: what the page shows of a card, and what tests photograph."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card.layout import CARD_MM
from skinseg_demo.card.shapes import Line, Rectangle, Shape, Words

__all__ = ["pixels_from_shapes"]

_FONT, _FONT_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 21  # px that a capital has at scale 1
_SHIFT = 8  # OpenCV's lines take 1/256 px
_DASH_MM = 2.0


def pixels_from_shapes(
    shapes: Sequence[Shape], per_mm: float, size_mm: tuple[float, float] = CARD_MM
) -> NDArray[np.uint8]:
    """Draw *shapes* on white paper of *size_mm*, width and height; returns (H, W, 3) uint8 RGB of *per_mm* px a mm.

    Filled edges fall on whole pixels, so take a *per_mm* at which they do not matter. Letters without an ASCII form
    become question marks: OpenCV has no others.
    """
    columns, rows = (round(side * per_mm) for side in size_mm)
    paper = np.full((rows, columns, 3), 255, np.uint8)
    for shape in shapes:
        if isinstance(shape, Rectangle):
            _fill(paper, shape, per_mm)
        elif isinstance(shape, Line):
            _line(paper, shape, per_mm)
        else:
            _write(paper, shape, per_mm)
    return paper


def _fill(paper: NDArray[np.uint8], shape: Rectangle, per_mm: float) -> None:
    left, right = round(shape.x * per_mm), round((shape.x + shape.width) * per_mm)
    top, bottom = round(shape.y * per_mm), round((shape.y + shape.height) * per_mm)
    paper[top:bottom, left:right] = shape.fill


def _line(paper: NDArray[np.uint8], shape: Line, per_mm: float) -> None:
    start, end = np.array([(shape.x0, shape.y0), (shape.x1, shape.y1)])
    pieces = max(1, round(float(np.hypot(*(end - start))) / _DASH_MM)) if shape.is_dashed else 1
    for piece in range(0, pieces, 2):
        ends = [start + (end - start) * part / pieces for part in (piece, piece + 1)]
        first, last = (np.rint((point * per_mm - 0.5) * 2**_SHIFT).astype(int).tolist() for point in ends)
        thickness = max(1, round(shape.width * per_mm))
        cv2.line(paper, first, last, shape.colour, thickness, cv2.LINE_AA, _SHIFT)


def _write(paper: NDArray[np.uint8], shape: Words, per_mm: float) -> None:
    text = shape.text.replace("·", "-").encode("ascii", "replace").decode()
    scale = shape.height * per_mm / _FONT_HEIGHT
    thickness = max(1, round(shape.height * per_mm / (6 if shape.is_bold else 10)))
    width = cv2.getTextSize(text, _FONT, scale, thickness)[0][0]
    left = shape.x * per_mm - {"left": 0.0, "middle": 0.5, "right": 1.0}[shape.align] * width
    place = (round(left), round(shape.y * per_mm))
    cv2.putText(paper, text, place, _FONT, scale, shape.colour, thickness, cv2.LINE_AA)
