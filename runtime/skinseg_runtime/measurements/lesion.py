"""One region of a mask and its figures."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements.colour import Colour
from skinseg_runtime.measurements.folding import Alignment, coverage, shape_asymmetry
from skinseg_runtime.measurements.scale import Scale

__all__ = ["Lesion"]

_LENGTHS = ("perimeter", "max_diameter", "min_diameter", "equivalent_diameter", "major_axis", "minor_axis")


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """One connected region (8-connected) of a mask.

    *polygon*: (P, 2) float32 (x, y), the centres of the outermost pixels, clockwise on screen; the last point joins the
    first, and holes are not in it. Filled with its border pixels, it gives the region back.
    *box*: (x0, y0, x1, y1), px: first column and row, and one past the last. *region*: (y1 - y0, x1 - x0) bool, the
    pixels inside it. *centroid*: (x, y) of the pixels' mean.
    *touches_border*: the region reaches the photo's border, so the lesion may go on outside and be larger.

    Sizes, in px, and in mm where the scale is known:

    - *area*: number of pixels, not the polygon's area, which is 6 % low at a radius of 15 px.
    - *perimeter*: of the border, holes included, by Crofton's formula in four directions (`outline.crofton_perimeter`,
      after Legland, Kieu & Devaux 2007). Figures of another estimator cannot be compared with it.
    - *max_diameter*, *min_diameter*: largest and smallest distance between two parallel lines that enclose the region
      (Feret 1930), measured to the outer sides of the pixels. The largest is the "diameter" of clinical lists.
    - *equivalent_diameter*: 2 sqrt(A / pi), of the circle with the same area.
    - *major_axis*, *minor_axis*: 4 sqrt(l1), 4 sqrt(l2) of the eigenvalues of the covariance of the pixels' places: the
      axes of the ellipse with the same second moments (IBSI and pyradiomics' shape2D; a pixel counts as a square, which
      adds 1/12 px squared).

    Shape, without a unit:

    - *compactness*: P^2 / (4 pi A); 1 for a circle (0.99 to 1.02 as measured), more for other shapes. The square of
      pyradiomics' "spherical disproportion".
    - *solidity*: A / A of the convex hull, in (0, 1].
    - *asymmetry*: in [0, 1]. The region is folded about both principal axes through its centroid; (A1 + A2) / (2 A),
      A1 and A2 the area of one half that finds no counterpart (after Stoecker, Li & Moss 1992, Comput. Med. Imaging
      Graph. 16:191-197). 0 for a disc, an ellipse or a rectangle. Where both axes are about as long, as in a regular
      star, their direction is chance, and so is some of this figure.

    With a card's homography, the figures in mm and those of shape are taken in the plane of the card, without tilt and
    perspective. *relative_error*: of a length in mm; the scale's alone. *colour*: where a photo was given.
    """

    polygon: NDArray[np.float32]
    box: tuple[int, int, int, int]
    area_px: int
    perimeter_px: float
    max_diameter_px: float
    min_diameter_px: float
    equivalent_diameter_px: float
    major_axis_px: float
    minor_axis_px: float
    centroid: tuple[float, float]
    touches_border: bool
    compactness: float
    solidity: float
    region: NDArray[np.bool_] = field(repr=False)
    alignment: Alignment = field(repr=False)
    colour: Colour | None = None
    scale: Scale | None = None
    relative_error: float | None = None
    area_mm2: float | None = None
    perimeter_mm: float | None = None
    max_diameter_mm: float | None = None
    min_diameter_mm: float | None = None
    equivalent_diameter_mm: float | None = None
    major_axis_mm: float | None = None
    minor_axis_mm: float | None = None

    @cached_property
    def asymmetry(self) -> float:
        """How far the shape's halves differ, 0 to 1; see above. Taken when first asked for."""
        return shape_asymmetry(coverage(self.region, self.alignment))

    def range_of(self, name: str) -> tuple[float, float] | None:
        """Return the lower and the upper end of a figure in mm, such as "area_mm2"; None where it is not known.

        Lengths are +- relative_error; areas go with the square. It is the scale's range: what the outline is off comes
        on top.
        """
        value: float | None = getattr(self, name)
        if value is None or self.relative_error is None:
            return None
        power = 2 if name.endswith("_mm2") else 1
        return value * (1 - self.relative_error) ** power, value * (1 + self.relative_error) ** power

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; the polygon as [[x, y], ...] in whole pixels.

        A name ends with its unit: px, mm or mm2, to 0.01; what has none is a ratio, to 0.0001. `ranges` has lower and
        upper end of each figure in mm, `scale` where they come from.
        """
        in_mm = ("area_mm2", *(f"{name}_mm" for name in _LENGTHS))
        plain: dict[str, object] = {
            "polygon": np.rint(self.polygon).astype(int).tolist(),
            "box": list(self.box),
            "centroid": [round(side, 2) for side in self.centroid],
            "touches_border": self.touches_border,
            "area_px": self.area_px,
        }
        plain.update((name, self._rounded(name, 2)) for name in (*(f"{name}_px" for name in _LENGTHS), *in_mm))
        plain.update((name, self._rounded(name, 4)) for name in ("compactness", "solidity", "asymmetry"))
        plain["perimeter_estimator"] = "Crofton, 4 directions"
        plain["colour"] = None if self.colour is None else self.colour.to_json()
        plain["scale"] = self._scale_json()
        known = {name: self.range_of(name) for name in in_mm}
        plain["ranges"] = {name: [round(end, 2) for end in ends] for name, ends in known.items() if ends is not None}
        return plain

    def _rounded(self, name: str, digits: int) -> float | None:
        value: float | None = getattr(self, name)
        return None if value is None else round(value, digits)

    def _scale_json(self) -> dict[str, object] | None:
        """The scale as it is where the lesion lies: its error there, not at the card."""
        if self.scale is None or self.relative_error is None:
            return None
        return {**self.scale.to_json(), "relative_error": round(self.relative_error, 4)}
