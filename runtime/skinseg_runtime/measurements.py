"""Outlines and sizes of the regions of a mask, in the photo's pixels.

Points are (x, y), pixel centres at integers, origin top left of the upright photo.
"""

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Lesion", "measure"]

# A pixel is a square around its centre; these are the middles of its sides, as seen from the centre.
_SIDES = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5)], np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """One connected region (8-connected) of a mask.

    *polygon*: (P, 2) float32 (x, y), the centres of the outermost pixels, clockwise on screen; the last point joins the
    first, and holes are not in it. Filled with its border pixels, it gives the region back.
    *box*: (x0, y0, x1, y1), px: first column and row, and one past the last.
    *area_px*: number of pixels. *perimeter_px*: length of the polygon; a circle's comes out up to 5 % long, for the
    polygon goes along pixels.
    *max_diameter_px*, *min_diameter_px*: largest and smallest distance between two parallel lines that enclose the
    region (Feret), measured to the outer sides of the pixels. *centroid*: (x, y) of the pixels' mean.
    *touches_border*: the region reaches the photo's border, so the lesion may go on outside and be larger.
    The same lengths in mm stay None until the photo's scale is known.
    """

    polygon: NDArray[np.float32]
    box: tuple[int, int, int, int]
    area_px: int
    perimeter_px: float
    max_diameter_px: float
    min_diameter_px: float
    centroid: tuple[float, float]
    touches_border: bool
    area_mm2: float | None = None
    perimeter_mm: float | None = None
    max_diameter_mm: float | None = None
    min_diameter_mm: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; the polygon as [[x, y], ...] in whole pixels, lengths to 0.01 px."""
        plain: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["polygon"] = np.rint(self.polygon).astype(int).tolist()
        plain["box"] = list(self.box)
        plain["centroid"] = [round(side, 2) for side in self.centroid]
        for name in ("perimeter_px", "max_diameter_px", "min_diameter_px"):
            plain[name] = round(getattr(self, name), 2)
        return plain


def measure(mask: NDArray[np.bool_]) -> tuple[Lesion, ...]:
    """Measure every connected region of *mask*, (H, W) bool; the largest first.

    Raises ValueError if mask is not an H x W bool array.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask is (H, W) bool, got {mask.shape} {mask.dtype}")
    plain = np.ascontiguousarray(mask).view(np.uint8)
    left, top, columns, rows = cv2.boundingRect(plain)
    if columns == 0:
        return ()
    window = np.ascontiguousarray(plain[top : top + rows, left : left + columns])  # the rest need not be searched
    count, regions, boxes, _ = cv2.connectedComponentsWithStats(window, connectivity=8)
    lesions = []
    for label in range(1, count):  # each in its own box: a face may have hundreds of small patches
        x, y, width, height = (int(side) for side in boxes[label, :4])
        inside = regions[y : y + height, x : x + width] == label
        lesions.append(_measured(inside, (left + x, top + y), mask.shape))
    return tuple(sorted(lesions, key=lambda lesion: (-lesion.area_px, lesion.box[1], lesion.box[0])))


def _measured(inside: NDArray[np.bool_], corner: tuple[int, int], photo_hw: tuple[int, ...]) -> Lesion:
    """Measure the region that *inside* just holds, a window of the photo whose first pixel is at *corner* (x, y)."""
    region = inside.view(np.uint8)
    rows, columns = region.shape
    left, top = corner
    polygon = _outline(region) + np.array((left, top), np.float32)
    longest, shortest = _diameters(polygon)
    area = int(np.count_nonzero(region))
    return Lesion(
        polygon=polygon,
        box=(left, top, left + columns, top + rows),
        area_px=area,
        perimeter_px=float(cv2.arcLength(polygon, closed=True)),
        max_diameter_px=longest,
        min_diameter_px=shortest,
        centroid=(
            left + float(np.arange(columns) @ region.sum(axis=0)) / area,
            top + float(np.arange(rows) @ region.sum(axis=1)) / area,
        ),
        touches_border=left == 0 or top == 0 or left + columns == photo_hw[1] or top + rows == photo_hw[0],
    )


def _outline(region: NDArray[np.uint8]) -> NDArray[np.float32]:
    contours, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = max(contours, key=len).reshape(-1, 2).astype(np.float32)  # (P, 1, 2) -> (P, 2)
    following = np.roll(points, -1, axis=0)
    doubled_area = float(np.sum(points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]))
    # With y pointing down, a positive area is clockwise on screen. The first point stays first.
    return points if doubled_area >= 0 else np.roll(points[::-1], 1, axis=0)


def _diameters(polygon: NDArray[np.float32]) -> tuple[float, float]:
    """Return the largest and the smallest Feret diameter, px."""
    sides = (polygon[:, None] + _SIDES).reshape(-1, 2)  # (P, 4, 2) -> (4 P, 2)
    hull = cv2.convexHull(sides).reshape(-1, 2).astype(np.float64)
    between = hull[:, None] - hull[None]
    longest = float(np.sqrt((between**2).sum(axis=2).max()))
    edges = np.roll(hull, -1, axis=0) - hull
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1, keepdims=True)
    heights = hull @ normals.T  # (points, edges)
    return longest, float((heights.max(axis=0) - heights.min(axis=0)).min())
