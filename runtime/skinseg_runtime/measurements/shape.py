"""The figures of a region's shape, in pixels of the picture that it was found in."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.outline import crofton_perimeter, feret_diameters, hull_of

__all__ = ["Shape", "shape_of"]

_PIXEL_VARIANCE = 1 / 12  # px squared: of a pixel's own square, along each side


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """Lengths and areas in px; `Lesion` has the definitions.

    *centroid*: (x, y), px. *angle*: of the major axis, radians from x towards y (clockwise on screen), within
    +-pi/2. *hull*: (Q, 2) float64 (x, y), corners of the convex hull, px.
    """

    area: int
    perimeter: float
    max_diameter: float
    min_diameter: float
    major_axis: float
    minor_axis: float
    solidity: float
    centroid: tuple[float, float]
    angle: float
    hull: NDArray[np.float64]

    @property
    def equivalent_diameter(self) -> float:
        """2 sqrt(A / pi), px: of the circle with the same area."""
        return 2 * math.sqrt(self.area / math.pi)

    @property
    def compactness(self) -> float:
        """P^2 / (4 pi A): 1 for a circle, more for other shapes."""
        return self.perimeter**2 / (4 * math.pi * self.area)


def shape_of(region: NDArray[np.uint8], polygon: NDArray[np.float32]) -> Shape:
    """Measure a region.

    *region*: (rows, columns) uint8, 1 inside, one connected part. *polygon*: its outline, (P, 2) float32.
    """
    moments = cv2.moments(region)
    area = round(moments["m00"])
    centroid = (moments["m10"] / area, moments["m01"] / area)
    major, minor, angle = _axes(moments["mu20"] / area, moments["mu02"] / area, moments["mu11"] / area)
    hull = hull_of(polygon)
    longest, shortest = feret_diameters(hull)
    hull_area = cv2.contourArea(hull.astype(np.float32))
    return Shape(
        area=area,
        perimeter=crofton_perimeter(region),
        max_diameter=longest,
        min_diameter=shortest,
        major_axis=major,
        minor_axis=minor,
        solidity=min(1.0, area / hull_area),  # the hull cuts the corners of the outermost pixels
        centroid=centroid,
        angle=angle,
        hull=hull,
    )


def _axes(variance_x: float, variance_y: float, covariance: float) -> tuple[float, float, float]:
    """Return the lengths of the major and the minor axis, px, and the angle of the major one, radians."""
    middle = (variance_x + variance_y) / 2 + _PIXEL_VARIANCE
    off = math.hypot((variance_x - variance_y) / 2, covariance)
    angle = math.atan2(2 * covariance, variance_x - variance_y) / 2
    return 4 * math.sqrt(middle + off), 4 * math.sqrt(max(middle - off, _PIXEL_VARIANCE)), angle
