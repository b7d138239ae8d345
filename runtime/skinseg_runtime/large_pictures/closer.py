"""The closer look: which crop of a photo to outline once more, or why none; and what both looks say together.

One crop holds all lesions. A crop for each was tried on body shots made of training pictures and was worse (mean Dice
0.797 against 0.807): what the first look wrongly took for a lesion was then outlined with conviction.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.preprocessing import Placement
from skinseg_runtime.large_pictures.first_look import Found
from skinseg_runtime.large_pictures.look import Box

__all__ = ["MOST_OF_PHOTO", "ROOM", "crop_around", "mixed_with_first"]

MOST_OF_PHOTO = 0.03
"""Share of the photo below which a lesion is small. Of training pictures with 2 to 3 % the second look gained 0.003 of
mean Dice, with 3 to 5 % it lost 0.005."""

ROOM = 2.5
"""Side of the crop over the longer side of the lesions' box. On the 64 training pictures whose lesion fills under 2 %
a crop of 2 gained 0.008 of mean Dice, 2.5 gained 0.010, 3 gained 0.012; on body shots made of training pictures they
gained 0.060, 0.054 and 0.051."""

_FIRST_WEIGHT = 0.3
"""Of the first look in the crop, so that it decides where the closer one hesitates. On the same pictures that gained
0.002 of mean Dice on real small lesions against the closer look alone, and lost 0.006 on body shots; 0.5 lost 0.027."""

_LARGEST_CROP = 0.9  # of the photo's side: what shows nearly the same is not looked at twice
_STEP = 8  # px: a JPEG that is decoded at 1/2, 1/4 or 1/8 can be cut here without a shift
_FEWEST = 32  # px of the photo on a crop's side: fewer hold no outline


def crop_around(found: Found, photo_hw: tuple[int, int], input_hw: tuple[int, int]) -> Box | str:
    """Return the crop to look at, or in a sentence why there is no closer look.

    The crop has the proportions of the network's input *input_hw*, so a lesion is seen undistorted, unless the photo is
    too narrow for that.
    """
    if found.share >= MOST_OF_PHOTO:
        return f"the lesion fills {found.share:.1%} of the photo; a closer look is taken below {MOST_OF_PHOTO:.0%}"
    scale = ROOM * max(found.hw[0] / input_hw[0], found.hw[1] / input_hw[1])
    rows, columns = (max(_FEWEST, round(scale * side)) for side in input_hw)
    if min(photo_hw) < _FEWEST:
        return f"the photo has {photo_hw[0]} x {photo_hw[1]} px; a closer look needs {_FEWEST} on each side"
    if rows > _LARGEST_CROP * photo_hw[0] and columns > _LARGEST_CROP * photo_hw[1]:
        return "the lesion, with the skin around it, fills the photo; a closer look would show the same"
    top, bottom = _side(found.box[0], found.box[2], rows, photo_hw[0])
    left, right = _side(found.box[1], found.box[3], columns, photo_hw[1])
    return top, left, bottom, right


def _side(first: int, last: int, length: int, limit: int) -> tuple[int, int]:
    """Return start and end of *length* px about the middle of *first* and *last*, moved to lie within *limit*."""
    length = min(length, limit)
    start = min(max(0, (first + last - length) // 2), limit - length)
    end = min(limit, -(-(start + length) // _STEP) * _STEP)
    return start // _STEP * _STEP, end


def mixed_with_first(
    closer: NDArray[np.float32], placement: Placement, first: NDArray[np.float32], first_box: Box
) -> NDArray[np.float32]:
    """Return the closer look's map with the first look's share in it.

    *closer*: (K, input rows, input columns), *placement*: of the crop. *first*: (K, rows, columns) of the first look,
    without a border, and *first_box*: the part of the photo that it shows. Returns an array as *closer*.
    """
    top, left, bottom, right = placement.photo_box
    y0, x0, y1, x1 = placement.input_box
    rows, columns = first.shape[1:]
    # From a place in the closer map to the same place in the first: pixel centres at integers in both.
    by_y = (bottom - top) / (y1 - y0) * rows / (first_box[2] - first_box[0])
    by_x = (right - left) / (x1 - x0) * columns / (first_box[3] - first_box[1])
    from_y = (top - first_box[0]) * rows / (first_box[2] - first_box[0]) + by_y * (0.5 - y0) - 0.5
    from_x = (left - first_box[1]) * columns / (first_box[3] - first_box[1]) + by_x * (0.5 - x0) - 0.5
    way = np.array([[by_x, 0, from_x], [0, by_y, from_y]], np.float64)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = closer.shape[:0:-1]
    carried = [cv2.warpAffine(one, way, size, flags=how, borderMode=cv2.BORDER_REPLICATE) for one in first]
    return np.asarray((1 - _FIRST_WEIGHT) * closer + _FIRST_WEIGHT * np.stack(carried), np.float32)
