"""The scale of a photo from a card that this box printed: by all four markers, or by the largest that is seen."""

import math
from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card.layout import MARKER_MM, SQUARE_MM, card_of_marker, marker_numbers
from skinseg_demo.card.print_scale import UNCHECKED, PrintScale
from skinseg_edge.errors import InputError
from skinseg_runtime.measurements.aruco_card import find_markers
from skinseg_runtime.measurements.scale import Scale, scale_from_corners

__all__ = ["scale_from_printed_card"]

_LARGEST_ERROR = 0.99


def scale_from_printed_card(photo: NDArray[np.uint8], prints: Mapping[int, PrintScale]) -> Scale:
    """Find a card and take the plane that it lies in; its source says which card, and whether its print was measured.

    Where all four markers are seen, the homography comes from the outer corners of their square of 85 mm, so that the
    lesion lies within what was measured; else from the largest marker, of 20 mm.

    *photo*: (H, W, 3) uint8 RGB, at full size. *prints*: what is known of the cards, by number; a card that nobody
    measured counts as drawn, with a wider range.

    Raises InputError if no marker of a card of ours is seen, or it is seen at a glance.
    """
    markers = _by_size(photo)
    if not markers:
        raise InputError(
            "cannot read the scale from a card: no marker of a card of this box was seen; lay the card flat around the "
            "lesion and photograph it with all four markers in the picture"
        )
    seen = {number: corners for corners, number in markers}
    largest = markers[-1][1]
    card = card_of_marker(largest) or 0
    found = prints.get(card, UNCHECKED)
    wanted = marker_numbers(card)
    checked = "print not measured" if found.way == "unchecked" else f"print measured by {found.way}"
    if all(number in seen for number in wanted):
        corners = np.array([seen[number][place] for place, number in enumerate(wanted)], np.float64)
        scale = scale_from_corners(corners, SQUARE_MM * found.factor, f"card {card}, 4 markers, {checked}")
    else:
        scale = scale_from_corners(seen[largest], MARKER_MM * found.factor, f"card {card}, 1 marker, {checked}")
    error = math.hypot(scale.relative_error, found.relative_error)
    return replace(scale, relative_error=min(_LARGEST_ERROR, error))


def _by_size(photo: NDArray[np.uint8]) -> list[tuple[NDArray[np.float64], int]]:
    """Return corners, (4, 2) float64 px from the marker's own first, and numbers of our markers, the largest last."""
    found = [
        (corners.astype(np.float64), number)
        for corners, number in zip(*find_markers(photo), strict=True)
        if card_of_marker(number) is not None
    ]
    return sorted(found, key=lambda marker: cv2.contourArea(marker[0].astype(np.float32)))
