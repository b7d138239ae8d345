"""Sheets of pictures in rows: tiles at their own pixels, a caption below each, a heading a column, a legend on top."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.preprocessing import resize_pixels
from skinseg_export.figures.canvas import new_figure, png_of, shortened, text_width_px, words
from skinseg_export.figures.palette import INK, QUIET, Rgb

__all__ = ["Tile", "sheet_png", "tile_hw"]

_DPI = 100
_GAP, _MARGIN = 12, 16  # px
_CAPTION, _HEADING, _TITLE, _LEGEND = 22, 24, 32, 24  # px, heights of a line
_SWATCH = 12  # px
_SIZE, _TITLE_SIZE = 9, 12  # points


@dataclass(frozen=True)
class Tile:
    """*picture*: (H, W, 3) uint8 RGB, no side longer than the sheet's. *caption*: one line below it."""

    picture: NDArray[np.uint8]
    caption: str = ""


def tile_hw(photo_hw: tuple[int, int], side: int) -> tuple[int, int]:
    """Return rows and columns of a photo scaled so that its longer side is *side*, px.

    >>> tile_hw((3000, 4000), 200)
    (150, 200)
    """
    scale = side / max(photo_hw)
    return max(1, round(photo_hw[0] * scale)), max(1, round(photo_hw[1] * scale))


def sheet_png(
    rows: Sequence[Sequence[Tile]],
    *,
    side: int,
    title: str,
    headings: Sequence[str] = (),
    legend: Sequence[tuple[str, Rgb]] = (),
) -> bytes:
    """Draw *rows* of tiles as PNG, columns *side* px wide; a longer tile is scaled down.

    *headings*: one a column, or none. *legend*: name and colour, as many lines as they need.

    Raises ToolMissing if matplotlib is not installed.
    """
    columns = max((len(row) for row in rows), default=1)
    width = max(2 * _MARGIN + columns * side + (columns - 1) * _GAP, 480)
    entries, legend_lines = _placed(legend, width)
    top = _MARGIN + _TITLE + legend_lines * _LEGEND + (_HEADING if headings else 0)
    heights = [max(_fitted(tile.picture, side).shape[0] for tile in row) + _CAPTION + _GAP for row in rows]
    height = top + sum(heights) + _MARGIN - _GAP
    page = np.full((height, width, 3), 255, np.uint8)
    heading = shortened(title, width - 2 * _MARGIN, _TITLE_SIZE, _DPI)
    texts = [(_MARGIN, _MARGIN + 20, heading, _TITLE_SIZE, INK)]  # left and foot, px
    for (name, colour), (left, line) in zip(legend, entries, strict=True):
        foot = _MARGIN + _TITLE + line * _LEGEND + 14
        page[foot - _SWATCH : foot, left : left + _SWATCH] = colour
        texts.append((left + _SWATCH + 7, foot, name, _SIZE, INK))
    for column, name in enumerate(headings):
        left = _MARGIN + column * (side + _GAP)
        texts.append((left, top - 8, shortened(name, side, _SIZE, _DPI), _SIZE, INK))
    for row, height_of_row in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = _MARGIN + column * (side + _GAP)
            picture = _fitted(tile.picture, side)
            page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
            caption = shortened(tile.caption, side, _SIZE, _DPI)
            texts.append((left, top + picture.shape[0] + 16, caption, _SIZE, QUIET))
        top += height_of_row
    figure = new_figure(width, height, dpi=_DPI, is_laid_out=False)
    figure.figimage(page, origin="upper")
    for x, foot, text, size, ink in texts:
        weight = "bold" if size == _TITLE_SIZE else "normal"
        figure.text(x / width, 1 - foot / height, words(text), fontsize=size, color=ink, weight=weight)
    return png_of(figure)


def _fitted(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return picture if max(picture.shape[:2]) <= side else resize_pixels(picture, tile_hw(picture.shape[:2], side))


def _placed(legend: Sequence[tuple[str, Rgb]], width: int) -> tuple[list[tuple[int, int]], int]:
    """Return left edge (px) and line of every entry, and how many lines that makes."""
    places = []
    left, line = _MARGIN, 0
    for name, _ in legend:
        needed = _SWATCH + 7 + int(text_width_px(name, _SIZE, _DPI)) + 22
        if left > _MARGIN and left + needed > width:
            left, line = _MARGIN, line + 1
        places.append((left, line))
        left += needed
    return places, line + 1 if legend else 0
