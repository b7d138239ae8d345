"""A region's outline, its convex hull and the lengths that follow from them, in pixels."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Outlines", "crofton_perimeter", "feret_diameters", "hull_of", "outlines"]

# A pixel is a square around its centre; these are the middles of its sides, as seen from the centre.
_SIDES = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5)], np.float32)


class Outlines(NamedTuple):
    """The borders of a mask's regions.

    *polygons*: each (P, 2) float32 (x, y), the centres of a region's outermost pixels, clockwise on screen, without its
    holes. *has_holes*: whether any region has one; if none has, a filled polygon is its region.
    """

    polygons: list[NDArray[np.float32]]
    has_holes: bool


def outlines(mask: NDArray[np.uint8]) -> Outlines:
    """Return the outlines of all regions of a mask (8-connected), islands in holes as well.

    *mask*: (rows, columns) uint8, 1 inside.
    """
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # Of two levels the outer borders are the upper one: they have no parent. (1, contours, 4)
    outer = [contour for contour, (*_, parent) in zip(contours, hierarchy[0], strict=True) if parent < 0]
    polygons = [_clockwise(contour.reshape(-1, 2).astype(np.float32)) for contour in outer]  # (P, 1, 2) -> (P, 2)
    return Outlines(polygons, len(outer) < len(contours))


def _clockwise(points: NDArray[np.float32]) -> NDArray[np.float32]:
    following = np.roll(points, -1, axis=0)
    doubled_area = float(np.sum(points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]))
    # With y pointing down, a positive area is clockwise on screen. The first point stays first.
    return points if doubled_area >= 0 else np.roll(points[::-1], 1, axis=0)


def hull_of(polygon: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the corners of the convex hull of the middles of the outermost pixels' sides, (Q, 2) float64 (x, y).

    *polygon*: (P, 2) float32, from `outlines`. The middles of the sides, as scikit-image's `convex_hull_image` takes
    them: the pixels' corners would make round shapes too large.
    """
    corners = cv2.convexHull(polygon).reshape(-1, 1, 2)  # no other point's sides can reach the hull of the sides
    sides = (corners + _SIDES).reshape(-1, 2)  # (Q, 4, 2) -> (4 Q, 2)
    return np.asarray(cv2.convexHull(sides).reshape(-1, 2), np.float64)


def feret_diameters(hull: NDArray[np.float64]) -> tuple[float, float]:
    """Return the largest and the smallest distance of two parallel lines that enclose *hull*, (Q, 2), px."""
    between = hull[:, None] - hull[None]
    longest = float(np.sqrt((between**2).sum(axis=2).max()))
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    heights = hull @ normals.T  # (points, edges)
    return longest, float((heights.max(axis=0) - heights.min(axis=0)).min())


def crofton_perimeter(region: NDArray[np.uint8]) -> float:
    """Return the length of a region's border, holes included, px, by Crofton's formula in four directions.

    The border's length is half the integral, over all lines, of how often they cross it. Counted along the lines of
    pixels at 0, 45, 90 and 135 degrees, which lie 1 or 1/sqrt(2) px apart: pi/8 (N0 + N90 + (N45 + N135)/sqrt(2)). The
    same estimator as scikit-image's `perimeter_crofton(directions=4)`; see Legland, Kieu & Devaux 2007 (Image Anal.
    Stereol. 26:83-92). A disc comes out within 1 % from a radius of 10 px on; a straight border 5.2 % short along rows
    or columns or diagonals, and up to 2.7 % long between them.

    *region*: (rows, columns) uint8, 0 or 1.
    """
    framed = np.asarray(cv2.copyMakeBorder(region, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), np.uint8)
    straight = _differing(framed[:, 1:], framed[:, :-1]) + _differing(framed[1:], framed[:-1])
    slanting = _differing(framed[1:, 1:], framed[:-1, :-1]) + _differing(framed[1:, :-1], framed[:-1, 1:])
    return math.pi / 8 * (straight + slanting / math.sqrt(2))


def _differing(these: NDArray[np.uint8], those: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(these != those))
