"""From a mask to its regions, each measured in its own window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.colour import colour_of
from skinseg_runtime.measurements.folding import align
from skinseg_runtime.measurements.lesion import Lesion
from skinseg_runtime.measurements.outline import outlines
from skinseg_runtime.measurements.plane import laid_flat
from skinseg_runtime.measurements.scale import Scale
from skinseg_runtime.measurements.shape import Shape, shape_of

__all__ = ["completed", "measure"]


@dataclass(frozen=True, eq=False)
class _Photo:
    """What is the same for every region of a mask: its rows and columns, the picture, the scale."""

    mask_hw: tuple[int, int]
    pixels: NDArray[np.uint8] | None
    scale: Scale | None


@dataclass(frozen=True, eq=False)
class _Part:
    """A region alone in its window, whose first pixel is at *corner* (x, y); *polygon*: its outline in the window."""

    inside: NDArray[np.bool_]
    corner: tuple[int, int]
    polygon: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Metric:
    """A shape, the mm of its pixel, and how to come to it from the lesion's window: None where it is the window."""

    shape: Shape
    mm_per_px: float | None
    to_shape: NDArray[np.float64] | None = None


def measure(
    mask: NDArray[np.bool_],
    photo: NDArray[np.uint8] | None = None,
    scale: Scale | None = None,
    *,
    within: tuple[int, int, int, int] | None = None,
) -> tuple[Lesion, ...]:
    """Measure every connected region of *mask*, (H, W) bool; the largest first.

    *photo*: (H, W, 3) uint8 RGB, for the colours, or the same picture reduced, (H / n, W / n, 3) to a pixel, which is
    enough for them. *scale*: of the photo at mask size; the same figures then come in mm too, except of a region that
    cannot lie in the scale's plane. *within*: (top, left, bottom, right) px, end-exclusive, where it is known that the
    mask holds nothing outside; the rest is then not searched.

    Raises ValueError if mask is not an H x W bool array, or photo no uint8 picture of its proportions.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"a mask is (H, W) bool, got {mask.shape} {mask.dtype}")
    of = _Photo((mask.shape[0], mask.shape[1]), _checked(photo, mask.shape), scale)
    window, corner = _window(mask, within or (0, 0, *mask.shape))
    if window.size == 0:
        return ()
    lesions = [_measured(part, corner, of) for part in _parts(window)]
    return tuple(sorted(lesions, key=lambda lesion: (-lesion.area_px, lesion.box[1], lesion.box[0])))


def completed(
    lesions: Iterable[Lesion], mask_hw: tuple[int, int], photo: NDArray[np.uint8], scale: Scale | None = None
) -> tuple[Lesion, ...]:
    """Add colours and mm to lesions that `measure` found on a mask alone, as it would have found them with both.

    *mask_hw*: rows and columns of that mask. *photo*, *scale*: see `measure`. What is known is not measured again; only
    a card's plane needs that.

    Raises ValueError if photo is no uint8 picture of the mask's proportions.
    """
    of = _Photo(mask_hw, _checked(photo, mask_hw), scale)
    return tuple(_completed(lesion, of) for lesion in lesions)


def _completed(lesion: Lesion, of: _Photo) -> Lesion:
    corner = lesion.box[:2]
    if of.scale is not None and of.scale.homography is not None:
        return _measured(_Part(lesion.region, corner, lesion.polygon - np.array(corner, np.float32)), (0, 0), of)
    mm = None if of.scale is None else of.scale.mm_per_px
    pixels = of.pixels
    return replace(
        lesion,
        colour=None if pixels is None else colour_of(lesion.region, corner, of.mask_hw, pixels, lesion.alignment),
        scale=of.scale,
        relative_error=None if of.scale is None else of.scale.relative_error_at(lesion.centroid),
        area_mm2=None if mm is None else lesion.area_px * mm**2,
        perimeter_mm=_times(lesion.perimeter_px, mm),
        max_diameter_mm=_times(lesion.max_diameter_px, mm),
        min_diameter_mm=_times(lesion.min_diameter_px, mm),
        equivalent_diameter_mm=_times(lesion.equivalent_diameter_px, mm),
        major_axis_mm=_times(lesion.major_axis_px, mm),
        minor_axis_mm=_times(lesion.minor_axis_px, mm),
    )


def _window(mask: NDArray[np.bool_], box: tuple[int, ...]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the smallest window that holds all of the mask within *box*, and its first pixel (x, y)."""
    top, left, bottom, right = box
    inside = np.ascontiguousarray(mask[top:bottom, left:right]).view(np.uint8)
    x, y, columns, rows = cv2.boundingRect(inside) if inside.size else (0, 0, 0, 0)
    return np.ascontiguousarray(inside[y : y + rows, x : x + columns]), (left + x, top + y)


def _parts(window: NDArray[np.uint8]) -> Iterator[_Part]:
    """Yield each connected region, in its own box: a face may have hundreds of small patches."""
    polygons, has_holes = outlines(window)
    if len(polygons) == 1:
        yield _Part(window.view(np.bool_), (0, 0), polygons[0])
        return
    # With statistics it takes five times as long.
    regions = cv2.connectedComponents(window, connectivity=8)[1] if has_holes else None
    for polygon in polygons:
        x, y, width, height = cv2.boundingRect(polygon)
        alone = polygon - np.array((x, y), np.float32)
        if regions is None:
            inside = _filled(alone, (height, width))
        else:
            inside = regions[y : y + height, x : x + width] == regions[int(polygon[0, 1]), int(polygon[0, 0])]
        yield _Part(inside, (x, y), alone)


def _filled(polygon: NDArray[np.float32], hw: tuple[int, int]) -> NDArray[np.bool_]:
    region = np.zeros(hw, np.uint8)
    cv2.drawContours(region, [polygon.astype(np.int32)], -1, 1, cv2.FILLED)
    return region.view(np.bool_)


def _checked(photo: NDArray[np.uint8] | None, mask_hw: tuple[int, ...]) -> NDArray[np.uint8] | None:
    if photo is None:
        return None
    fits = photo.ndim == 3 and photo.shape[2] == 3 and photo.dtype == np.uint8 and photo.size > 0
    # A reduced picture's last pixel may be a part of one, along each side.
    if not fits or abs(photo.shape[0] * mask_hw[1] - photo.shape[1] * mask_hw[0]) >= max(mask_hw):
        raise ValueError(
            f"a photo of a mask of {mask_hw} is (H, W, 3) uint8 of its proportions, got {photo.shape} {photo.dtype}"
        )
    return photo


def _measured(part: _Part, start: tuple[int, int], of: _Photo) -> Lesion:
    """Measure a part of a window of the photo whose first pixel is at *start* (x, y)."""
    region = part.inside.view(np.uint8)
    rows, columns = region.shape
    left, top = corner = (start[0] + part.corner[0], start[1] + part.corner[1])
    shape = shape_of(region, part.polygon)
    centroid = (left + shape.centroid[0], top + shape.centroid[1])
    metric = _metric(region, shape, corner, of.scale)
    alignment = align(metric.shape, metric.to_shape)
    colour = None if of.pixels is None else colour_of(part.inside, corner, of.mask_hw, of.pixels, alignment)
    has_scale = of.scale is not None and metric.mm_per_px is not None
    flat, mm = metric.shape, metric.mm_per_px
    return Lesion(
        polygon=part.polygon + np.array(corner, np.float32),
        box=(left, top, left + columns, top + rows),
        area_px=shape.area,
        perimeter_px=shape.perimeter,
        max_diameter_px=shape.max_diameter,
        min_diameter_px=shape.min_diameter,
        equivalent_diameter_px=shape.equivalent_diameter,
        major_axis_px=shape.major_axis,
        minor_axis_px=shape.minor_axis,
        centroid=centroid,
        touches_border=left == 0 or top == 0 or left + columns == of.mask_hw[1] or top + rows == of.mask_hw[0],
        compactness=flat.compactness,
        solidity=flat.solidity,
        region=part.inside,
        alignment=alignment,
        colour=colour,
        scale=of.scale if has_scale else None,
        relative_error=of.scale.relative_error_at(centroid) if of.scale is not None and has_scale else None,
        area_mm2=None if mm is None else flat.area * mm**2,
        perimeter_mm=_times(flat.perimeter, mm),
        max_diameter_mm=_times(flat.max_diameter, mm),
        min_diameter_mm=_times(flat.min_diameter, mm),
        equivalent_diameter_mm=_times(flat.equivalent_diameter, mm),
        major_axis_mm=_times(flat.major_axis, mm),
        minor_axis_mm=_times(flat.minor_axis, mm),
    )


def _metric(region: NDArray[np.uint8], shape: Shape, corner: tuple[int, int], scale: Scale | None) -> _Metric:
    """Say in which picture a region's lengths in mm are taken: the photo, or the plane of the card."""
    if scale is None:
        return _Metric(shape, None)
    if scale.homography is None:
        return _Metric(shape, scale.mm_per_px)
    flat = laid_flat(region, corner, scale.homography)
    if flat is None:
        return _Metric(shape, None)
    largest = max(outlines(flat.region).polygons, key=cv2.contourArea)  # a thin bridge may be lost on the way
    return _Metric(shape_of(flat.region, largest), flat.mm_per_px, flat.to_flat)


def _times(length: float, mm_per_px: float | None) -> float | None:
    return None if mm_per_px is None else length * mm_per_px
