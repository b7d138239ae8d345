"""What was found, drawn on its photo: the outline of a mask, or every class in its colour with a legend.

The outline is a thin light line on a dark one, so that it shows on any skin. The inside stays as it is: whoever judges
the outline wants to see the lesion.
"""

import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.class_colours import class_colours

__all__ = ["LIGHT", "draw", "draw_classes"]

LIGHT = (92, 240, 224)  # RGB; turquoise is what skin, pigment and blood never are
_DARK = (12, 24, 32)
_LIGHT_WIDTH = 1 / 500  # of the photo's diagonal: 10 px at 12 megapixels
_THINNEST = 1.5  # px; below, the line would break up
_DARK_WIDTH = 2.2  # times the light one
_TINT = 0.4  # how much of a class's colour lies over the photo; skin still shows its texture
_TEXT_HEIGHT = 1 / 60  # of the photo's diagonal
_SMALLEST_TEXT = 10  # px
_FONT, _FONT_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 21  # px that a capital has at scale 1
_PAPER, _INK = 255, (32, 32, 32)


def draw(
    photo: NDArray[np.uint8], mask: NDArray[np.bool_], *, light: tuple[int, int, int] = LIGHT
) -> NDArray[np.uint8]:
    """Return a copy of *photo* with the outline of *mask*.

    *photo*: (H, W, 3) uint8 RGB. *mask*: (H, W) bool. *light*: RGB of the inner line, 0 to 255. The lines' width grows
    with the photo. Where the mask ends only because the photo does, there is no line.

    Raises ValueError if photo.shape[:2] != mask.shape.
    """
    if photo.shape[:2] != mask.shape:
        raise ValueError(f"the photo is {photo.shape}, the mask {mask.shape}: expected the same rows and columns")
    drawn = photo.copy()
    width = max(_THINNEST, _LIGHT_WIDTH * float(np.hypot(*mask.shape)))
    left, top, columns, rows = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    if columns == 0 or mask.all():
        return drawn
    margin = int(np.ceil(width * _DARK_WIDTH * 2))  # how far the line and its smoothing reach
    window = (
        slice(max(0, top - margin), top + rows + margin),
        slice(max(0, left - margin), left + columns + margin),
    )
    distance = _smoothed_distance(mask[window], width)
    near = np.nonzero(distance < width * _DARK_WIDTH)
    colours = drawn[window][near].astype(np.float32)
    for colour, thickness in ((_DARK, width * _DARK_WIDTH), (light, width)):
        # How much of the pixel the line covers: 1 within, falling to 0 over one pixel at its edge.
        cover = np.clip(thickness / 2 + 0.5 - distance[near], 0, 1)[:, None]
        colours += cover * (np.array(colour, np.float32) - colours)
    drawn[window][near] = np.rint(colours).astype(np.uint8)
    return drawn


def draw_classes(photo: NDArray[np.uint8], class_map: NDArray[np.uint8], classes: Sequence[str]) -> NDArray[np.uint8]:
    """Return a copy of *photo*, tinted by class, with a legend below: colour, name and share of the photo.

    *photo*: (H, W, 3) uint8 RGB. *class_map*: (H, W) uint8, numbers into *classes*. The background, number 0, is not
    tinted and not in the legend, nor are classes that do not occur. Letters without an ASCII form become question
    marks. The result is at least (H, W, 3) uint8 RGB, with the photo at its top left.

    Raises ValueError if photo.shape[:2] != class_map.shape or class_map.max() >= len(classes).
    """
    if photo.shape[:2] != class_map.shape:
        raise ValueError(
            f"the photo is {photo.shape}, the class map {class_map.shape}: expected the same rows and columns"
        )
    if class_map.max() >= len(classes):
        raise ValueError(f"the class map holds number {class_map.max()}, there are {len(classes)} classes")
    colours = class_colours(len(classes))
    tinted = _tinted(photo, class_map, colours)
    counts = [int(np.count_nonzero(class_map == number)) for number in range(len(classes))]
    entries = [
        (f"{_ascii(name)} {count / class_map.size:.1%}", colours[number])
        for number, (name, count) in enumerate(zip(classes, counts, strict=True))
        if number > 0 and count > 0
    ]
    return _with_legend(tinted, entries) if entries else tinted


def _tinted(photo: NDArray[np.uint8], class_map: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay the classes' colours over the photo, and a line of full colour along the edges between classes."""
    table = np.zeros((1, 256, 3), np.uint8)
    table[0, : len(colours)] = colours
    painted = cv2.LUT(cv2.merge([class_map] * 3), table)
    drawn = cv2.addWeighted(photo, 1 - _TINT, painted, _TINT, 0)
    side = max(3, 2 * round(_LIGHT_WIDTH * float(np.hypot(*class_map.shape)) / 2) + 1)
    edge = cv2.erode(class_map, np.ones((side, side), np.uint8)) != class_map
    np.copyto(drawn, painted, where=edge[:, :, None])
    np.copyto(drawn, photo, where=(class_map == 0)[:, :, None])
    return np.asarray(drawn, np.uint8)


def _with_legend(photo: NDArray[np.uint8], entries: Sequence[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Add rows of white paper below, as many as the entries need, and columns where one is wider than the photo."""
    rows, columns = photo.shape[:2]
    height = max(_SMALLEST_TEXT, round(_TEXT_HEIGHT * float(np.hypot(rows, columns))))
    scale, thickness = height / _FONT_HEIGHT, max(1, height // 10)
    places = []
    x, line, widest = height, 0, columns
    for text, _ in entries:
        # A swatch, half its width, the text, and twice its width to the next.
        width = height + height // 2 + cv2.getTextSize(text, _FONT, scale, thickness)[0][0]
        if x > height and x + width + height > columns:
            x, line = height, line + 1
        places.append((x, rows + height + 2 * height * line))
        widest = max(widest, x + width + height)
        x += width + 2 * height
    page = np.full((rows + height * (2 * line + 3), widest, 3), _PAPER, np.uint8)
    page[:rows, :columns] = photo
    for (text, colour), (left, top) in zip(entries, places, strict=True):
        page[top : top + height, left : left + height] = colour
        foot = (left + height + height // 2, top + height)
        cv2.putText(page, text, foot, _FONT, scale, _INK, thickness, cv2.LINE_AA)
    return page


def _ascii(name: str) -> str:
    """Return a name in letters that OpenCV's fonts have: accents are taken off, other letters become question marks."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return plain.encode("ascii", "replace").decode()


def _smoothed_distance(mask: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Return each pixel's distance from the mask's edge, px; smoothed so that the edge's steps do not show."""
    inside = cv2.distanceTransform(
        mask.view(np.uint8) if mask.flags.c_contiguous else mask.astype(np.uint8), cv2.DIST_L2, 5
    )
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    signed = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)  # the edge runs between two pixels
    return np.abs(cv2.GaussianBlur(signed, (0, 0), max(0.7, width / 2)))
