"""The outlines of a picture as they followed each other: the network's, then what people drew in its place.

Only the last word holds. What it replaced is told, too: a server that got it before must learn that it was withdrawn.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.following.measured import Measured, measured, without_specks
from skinseg_demo.json_values import mapping_of, mappings_of, number_of, text_of
from skinseg_demo.store.corrections import Correction
from skinseg_demo.store.pictures import Picture
from skinseg_runtime.measurements import Lesion, Scale, measure
from skinseg_runtime.measurements.scale import STEEP_DEGREES

__all__ = ["OutlineVersion", "versions_of"]

_FINER = 4  # bits below a pixel
_LARGEST_ERROR = 0.99  # a range ends above 0
_SCALE_HERE = "one factor, as it is where the network's outline lies"


@dataclass(frozen=True)
class OutlineVersion:
    """What was outlined on a picture at one time.

    *name*: "network", or the id of the correction. *lesions*: figures as in a result, the largest first, without
    specks. *holds*: nobody said anything since. *scale_why*: why there are no millimetres, or what is wrong with them.
    """

    name: str
    drawn_by: Literal["network", "hand"]
    made_at: datetime
    lesions: Sequence[Mapping[str, object]]
    holds: bool
    scale_why: str | None


def versions_of(picture: Picture, corrections: Sequence[Correction]) -> list[OutlineVersion]:
    """Return every version, the oldest first; *corrections*: of the picture, in their order."""
    why = text_of(picture.result.get("scale_why"))
    lesions = without_specks(_lesions(picture))
    first = OutlineVersion("network", "network", picture.received_at, lesions, not corrections, why)
    drawn = [_drawn(picture, one, holds=one is corrections[-1]) for one in corrections if one.polygons]
    return [first, *drawn]


def _lesions(picture: Picture) -> list[Mapping[str, object]]:
    """Return what the network found, the largest first."""
    found = mappings_of(picture.result.get("lesions"))
    return sorted(found, key=lambda lesion: -(number_of(lesion.get("area_px")) or 0))


def _drawn(picture: Picture, correction: Correction, *, holds: bool) -> OutlineVersion:
    """Measure what a person drew; in mm where it lies where the network's scale is known."""
    mask, within = _filled(correction.polygons, picture.hw)
    lesions, scale, network = measure(mask, within=within), _scale_beside(picture), measured(picture)
    is_there = scale is not None and all(_is_beside(lesion, network) for lesion in lesions)
    if is_there:
        lesions = measure(mask, scale=scale, within=within)
    return OutlineVersion(
        correction.id,
        "hand",
        correction.made_at,
        without_specks([lesion.to_json() for lesion in lesions]),
        holds,
        None if is_there else "the scale is not known where this outline was drawn",
    )


def _filled(
    polygons: Sequence[Sequence[tuple[float, float]]], hw: tuple[int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int, int, int]]:
    """Return what polygons of (x, y) in 0..1 enclose, (rows, columns) bool, and top, left, bottom, right around it."""
    rows, columns = hw
    mask = np.zeros(hw, np.uint8)
    # 0 and 1 are the photo's edges, pixel centres lie at integers.
    drawn = [np.array(polygon, np.float64) * (columns, rows) - 0.5 for polygon in polygons]
    for points in drawn:
        cv2.fillPoly(mask, [np.rint(points * 2**_FINER).astype(np.int32)], 1, shift=_FINER)
    low, high = np.floor(np.vstack(drawn).min(axis=0)) - 1, np.ceil(np.vstack(drawn).max(axis=0)) + 2
    left, top = np.maximum(low, 0).astype(int).tolist()
    right, bottom = np.minimum(high, (columns, rows)).astype(int).tolist()
    return mask.view(np.bool_), (top, left, bottom, right)


def _scale_beside(picture: Picture) -> Scale | None:
    """Return one factor around the network's largest lesion; None where it has none, or the card was steep.

    A card that is tilted by t shortens one direction by cos t: one factor for all is off by 1 / sqrt(cos t) at most.
    """
    found, lesions = measured(picture), _lesions(picture)
    told = mapping_of(lesions[0].get("scale")) if lesions else {}
    error, tilt = number_of(told.get("relative_error")), number_of(told.get("tilt_degrees")) or 0.0
    if not found.mm_per_px or error is None or not abs(tilt) <= STEEP_DEGREES:
        return None
    by_tilt = 1 / math.sqrt(math.cos(math.radians(tilt))) - 1
    return Scale(found.mm_per_px, min(_LARGEST_ERROR, abs(error) + by_tilt), _SCALE_HERE)


def _is_beside(lesion: Lesion, network: Measured) -> bool:
    """Answer whether a lesion lies within a diameter of the network's."""
    if network.centre is None or network.diameter_px is None:
        return False
    return math.dist(lesion.centroid, network.centre) <= network.diameter_px
