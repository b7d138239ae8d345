"""How many millimetres a photo's pixel is, how sure that is, and where it was read from."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError

__all__ = [
    "STEEP_DEGREES",
    "Scale",
    "local_lengths",
    "scale_from_corners",
    "scale_from_mm_per_px",
    "scale_from_ruler",
]

STEEP_DEGREES = 20.0
"""Beyond this tilt of the card a photo should be taken again, straight from above."""

_UNSEEN_TILT = 0.1  # one factor for the whole photo: a 6.00 mm disc was drawn 7 % short at 10 degrees, 13 % at 20
_RULER_READING_MM = 0.25  # a ruler with whole millimetres is read to a quarter
_POINT_ERROR_PX = 1.0  # where a finger or a mouse sets a point
_CORNER_ERROR_PX = 0.3  # of a refined corner's coordinates; drawn with blur and noise, the worst of 40 was 0.43 off
_SMALLEST_CARD_PX2 = 100.0  # px squared; a marker's 6 x 6 fields cannot be read below
_LARGEST_ERROR = 0.99  # a range ends above 0


@dataclass(frozen=True, eq=False)
class Scale:
    """The scale of one photo.

    *mm_per_px*: with a homography, in the middle of the card. *relative_error*: of a length there, half the
    width of its range: 0.02 means +-2 %. *source*: what it was read from, for a report. *homography*: (3, 3)
    float64, carries (x, y) of the photo, px, to the card's plane, mm; None where only a factor is known. *corners*:
    (4, 2) float64, the card's corners, px, from which the homography was made. *tilt_degrees*: between the line of
    sight and the card's upright; None where nobody knows.

    The error is the scale's alone: what the outline is off comes on top, and skin that is not flat, too.

    Raises ValueError if mm_per_px <= 0 or relative_error is not in [0, 1).
    """

    mm_per_px: float
    relative_error: float
    source: str
    homography: NDArray[np.float64] | None = field(default=None, repr=False)
    corners: NDArray[np.float64] | None = field(default=None, repr=False)
    tilt_degrees: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mm_per_px) and self.mm_per_px > 0 and 0 <= self.relative_error < 1):
            raise ValueError(
                f"a scale of {self.mm_per_px} mm/px with a relative error of {self.relative_error} is none; expected "
                "more than 0 mm/px and an error of at least 0 and less than 1"
            )

    @property
    def is_steep(self) -> bool:
        """Whether the card was tilted by more than STEEP_DEGREES."""
        return self.tilt_degrees is not None and self.tilt_degrees > STEEP_DEGREES

    def relative_error_at(self, point: tuple[float, float]) -> float:
        """Return the relative error of a length around *point*, (x, y) px; it grows with the distance from a card.

        Each coordinate of each corner is moved by what detection may be off; what that does to the longest and the
        shortest mm per px at the point is added in quadrature to the error of the card's side.
        """
        if self.homography is None or self.corners is None:
            return self.relative_error
        here = _corner_error(self.homography, self.corners, point)
        at_card = _corner_error(self.homography, self.corners, _middle(self.corners))
        return min(_LARGEST_ERROR, math.sqrt(max(self.relative_error**2 - at_card**2, 0.0) + here**2))

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        tilt = self.tilt_degrees
        return {
            "source": self.source,
            "mm_per_px": round(self.mm_per_px, 6),
            "relative_error": round(self.relative_error, 4),
            "tilt_degrees": None if tilt is None else round(tilt, 1),
            "is_steep": self.is_steep,
        }


def scale_from_mm_per_px(mm_per_px: float, *, relative_error: float = _UNSEEN_TILT) -> Scale:
    """Take one factor for the whole photo.

    *relative_error*: with no card nobody sees a tilt, which shortens a lesion by 7 % at 10 degrees and by 13 % at 20 (a
    drawn disc beside a drawn marker, seen from near); so 0.1 unless more is known.

    Raises InputError if mm_per_px <= 0 or relative_error is not in [0, 1).
    """
    try:
        return Scale(mm_per_px, relative_error, "mm per pixel, given by hand")
    except ValueError as error:
        raise InputError(f"cannot use the scale: {error}") from error


def scale_from_ruler(start: tuple[float, float], end: tuple[float, float], distance_mm: float) -> Scale:
    """Read the scale from two points on a ruler in the photo, (x, y) px, that lie *distance_mm* apart.

    The error holds a pixel at each point, a quarter of a millimetre and an unseen tilt.

    Raises InputError if the points are the same or distance_mm <= 0.
    """
    distance_px = math.dist(start, end)
    if not (distance_px > 0 and math.isfinite(distance_px) and distance_mm > 0 and math.isfinite(distance_mm)):
        raise InputError(
            f"cannot read the scale from a ruler: {distance_mm} mm lie over {distance_px} px, expected more than 0 of "
            "both; set the points on two marks that are far apart"
        )
    setting = math.sqrt(2) * _POINT_ERROR_PX / distance_px
    error = math.hypot(setting, _RULER_READING_MM / distance_mm, _UNSEEN_TILT)
    if error >= 1:
        raise InputError(
            f"cannot read the scale from a ruler: {distance_mm} mm over {distance_px:.1f} px are too short to be read; "
            "set the points on two marks that are farther apart"
        )
    return Scale(distance_mm / distance_px, error, "two points on a ruler")


def scale_from_corners(corners: NDArray[np.float64], side_mm: float, source: str) -> Scale:
    """Make the scale of a square of *side_mm*, whose corners are at (4, 2) float64 (x, y), px, clockwise on screen.

    Raises InputError if the corners are not those of a square that is seen from above, some pixels large.
    """
    seen = corners.astype(np.float32)
    if not cv2.isContourConvex(seen) or cv2.contourArea(seen) < _SMALLEST_CARD_PX2:
        raise InputError(
            f"cannot read the scale from the {source}: its corners {np.rint(corners).astype(int).tolist()} px are no "
            f"usable picture of a square of {side_mm:g} mm; photograph the card larger and straight from above"
        )
    square = np.array([(0, 0), (side_mm, 0), (side_mm, side_mm), (0, side_mm)], np.float32)
    homography = cv2.getPerspectiveTransform(seen, square).astype(np.float64)
    middle = _middle(corners)
    longest, shortest = local_lengths(homography, middle)
    error = math.hypot(_corner_error(homography, corners, middle), _RULER_READING_MM / side_mm)
    return Scale(
        mm_per_px=math.sqrt(longest * shortest),
        relative_error=min(_LARGEST_ERROR, error),
        source=source,
        homography=homography,
        corners=corners,
        tilt_degrees=math.degrees(math.acos(min(1.0, shortest / longest))),
    )


def local_lengths(homography: NDArray[np.float64], point: tuple[float, float]) -> tuple[float, float]:
    """Return the longest and the shortest mm that a pixel around *point*, (x, y) px, may be, by direction."""
    return _singular_values(_jacobian(homography, point))


def _jacobian(homography: NDArray[np.float64], point: tuple[float, float]) -> NDArray[np.float64]:
    x, y, weight = homography @ np.array([*point, 1.0])
    moved = np.array([x, y]) / weight
    return np.asarray((homography[:2, :2] - np.outer(moved, homography[2, :2])) / weight, np.float64)


def _singular_values(matrix: NDArray[np.float64]) -> tuple[float, float]:
    largest, smallest = np.linalg.svd(matrix, compute_uv=False)
    return float(largest), float(smallest)


def _corner_error(homography: NDArray[np.float64], corners: NDArray[np.float64], point: tuple[float, float]) -> float:
    """Return how much a length at *point* changes, at most, when the corners are off, as a share."""
    square = cv2.perspectiveTransform(corners[None], homography)[0].astype(np.float32)
    back = np.linalg.inv(_jacobian(homography, point))
    changes = []
    for coordinate in range(corners.size):
        moved = corners.copy()
        moved.flat[coordinate] += _CORNER_ERROR_PX
        other = cv2.getPerspectiveTransform(moved.astype(np.float32), square).astype(np.float64)
        longest, shortest = _singular_values(_jacobian(other, point) @ back)
        changes.append(max(abs(longest - 1), abs(shortest - 1)))
    return math.hypot(*changes)


def _middle(corners: NDArray[np.float64]) -> tuple[float, float]:
    x, y = corners.mean(axis=0)
    return float(x), float(y)
