"""What a card is drawn with: three shapes in millimetres, which paper and pixels render alike."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["BLACK", "WHITE", "Line", "Rectangle", "Rgb", "Shape", "Words"]

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)


@dataclass(frozen=True)
class Rectangle:
    """A filled rectangle; *x*, *y*: its top left, mm."""

    x: float
    y: float
    width: float
    height: float
    fill: Rgb = BLACK


@dataclass(frozen=True)
class Line:
    """A line of *width* mm; *is_dashed*: to be cut along."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float = 0.2
    colour: Rgb = BLACK
    is_dashed: bool = False


@dataclass(frozen=True)
class Words:
    """A line of text. *x*, *y*: of its base line, at its left, middle or right. *height*: of its letters, mm."""

    x: float
    y: float
    text: str
    height: float
    align: Literal["left", "middle", "right"] = "left"
    is_bold: bool = False
    colour: Rgb = BLACK


Shape = Rectangle | Line | Words
