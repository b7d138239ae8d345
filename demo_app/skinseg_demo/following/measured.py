"""What the result of one picture says about its lesion, with the error of each figure, or why it says nothing.

The error of a figure in mm has two parts. The scale's comes with the result. The outline's is how far the laxer and the
stricter outline lie apart, and never less than a twentieth of a length: photos of the same lesion on the same day have
not been measured by us, so this least is an assumption, and the pages say so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from skinseg_demo.json_values import items_of, mapping_of, mappings_of, number_of, pair_of
from skinseg_demo.store.corrections import Correction
from skinseg_demo.store.pictures import Picture

__all__ = ["LEAST_OUTLINE_ERROR", "Measured", "Outline", "Range", "Trouble", "measured", "without_specks"]

Outline = tuple[tuple[float, float], ...]
Trouble = Literal["unusable", "corrected", "none", "several", "cut", "no_scale"]

LEAST_OUTLINE_ERROR = 0.05
"""Of a length, as a share; of an area twice as much."""

_BESIDE = 0.1  # a region smaller than this share of the largest is a speck beside it, not a second lesion


@dataclass(frozen=True)
class Range:
    """A figure and the ends between which it lies; all in the same unit."""

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """The larger distance of an end."""
        return max(self.high - self.value, self.value - self.low)


@dataclass(frozen=True)
class Measured:
    """The largest lesion of one picture.

    *outlines*: of all lesions, x and y in 0..1 of the photo; a person's where one drew them. *count*: of lesions.
    *trouble*: why the figures may not be compared; None where they may. *diameter_mm*, *area_mm2*: None without a
    scale. *mm_per_px*: where the lesion lies. *centre*: (x, y) px. *model*: name and version.
    """

    outlines: tuple[Outline, ...]
    count: int
    trouble: Trouble | None
    diameter_px: float | None = None
    area_px: float | None = None
    diameter_mm: Range | None = None
    area_mm2: Range | None = None
    mm_per_px: float | None = None
    centre: tuple[float, float] | None = None
    compactness: float | None = None
    asymmetry: float | None = None
    is_steep: bool = False
    model: str = ""


def measured(picture: Picture, corrections: Sequence[Correction] = ()) -> Measured:
    """Read the result of *picture*; *corrections*: of its outline, the last one holds."""
    result = picture.result
    last = corrections[-1] if corrections else None
    outlines = _outlines(result.get("outlines"))
    lesions = sorted(mappings_of(result.get("lesions")), key=lambda lesion: -(number_of(lesion.get("area_px")) or 0))
    trouble = _trouble(lesions, last)
    if last is not None and last.polygons:
        outlines = last.polygons
    if not lesions:
        return Measured(outlines, 0, trouble, model=_model(result))
    largest = lesions[0]
    share = _outline_error(result, outlines)
    return Measured(
        outlines=outlines,
        count=len(without_specks(lesions)),
        trouble=trouble,
        diameter_px=number_of(largest.get("max_diameter_px")),
        area_px=number_of(largest.get("area_px")),
        diameter_mm=_range(largest, "max_diameter_mm", share),
        area_mm2=_range(largest, "area_mm2", 2 * share),
        mm_per_px=_mm_per_px(largest),
        centre=pair_of(largest.get("centroid")),
        compactness=number_of(largest.get("compactness")),
        asymmetry=number_of(largest.get("asymmetry")),
        is_steep=bool(mapping_of(largest.get("scale")).get("is_steep")),
        model=_model(result),
    )


def _trouble(lesions: Sequence[Mapping[str, object]], last: Correction | None) -> Trouble | None:
    if last is not None:
        return "unusable" if last.kind == "unusable" else "corrected"
    if not lesions:
        return "none"
    if len(without_specks(lesions)) > 1:
        return "several"
    if lesions[0].get("touches_border"):
        return "cut"
    if number_of(lesions[0].get("max_diameter_mm")) is None or number_of(lesions[0].get("area_mm2")) is None:
        return "no_scale"
    return None


def without_specks(lesions: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Return the lesions, which come the largest first, without the specks beside it."""
    areas = [number_of(lesion.get("area_px")) or 0 for lesion in lesions]
    return [lesion for lesion, area in zip(lesions, areas, strict=True) if area >= _BESIDE * areas[0]]


def _outline_error(result: Mapping[str, object], outlines: Sequence[Outline]) -> float:
    """Return the error of a length by the band around the outline, as a share; never less than the least."""
    band = mapping_of(result.get("band"))
    areas = [sum(map(_area, of)) for of in (_outlines(band.get("inner")), outlines, _outlines(band.get("outer")))]
    inner, own, outer = areas
    if not 0 < inner <= own <= outer:
        return LEAST_OUTLINE_ERROR
    widest = max(1 - math.sqrt(inner / own), math.sqrt(outer / own) - 1)
    return min(0.5, max(LEAST_OUTLINE_ERROR, widest))


def _range(lesion: Mapping[str, object], name: str, share: float) -> Range | None:
    """Return a figure with the ends that scale and outline leave it."""
    value = number_of(lesion.get(name))
    if value is None:
        return None
    low, high = pair_of(mapping_of(lesion.get("ranges")).get(name)) or (value, value)
    return Range(value, low * (1 - share), high * (1 + share))


def _mm_per_px(lesion: Mapping[str, object]) -> float | None:
    in_mm2, in_px = number_of(lesion.get("area_mm2")), number_of(lesion.get("area_px"))
    return math.sqrt(in_mm2 / in_px) if in_mm2 and in_px and in_mm2 / in_px > 0 else None


def _model(result: Mapping[str, object]) -> str:
    model = mapping_of(result.get("model"))
    return " ".join(str(model[name]) for name in ("name", "version") if model.get(name))


def _area(outline: Outline) -> float:
    pairs = zip(outline, outline[1:] + outline[:1], strict=True)
    return abs(sum(x * below - right * y for (x, y), (right, below) in pairs)) / 2


def _outlines(value: object) -> tuple[Outline, ...]:
    """Return what is an outline in a list of lists of [x, y]."""
    found = (tuple(point for point in map(pair_of, items_of(each)) if point is not None) for each in items_of(value))
    return tuple(outline for outline in found if len(outline) >= 3)
