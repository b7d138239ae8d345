"""Outlines, sizes, shape and colour of the regions of a mask: what is measured, never what it may mean.

    from skinseg_runtime.measurements import measure, scale_from_card

    lesions = measure(mask)                                             # px
    lesions = measure(mask, photo, scale_from_card(photo, side_mm=20))  # px and mm, colours too

Points are (x, y), pixel centres at integers, origin top left of the upright photo. The figures are for describing and
following a lesion; no score is made of them. Everything is done with numpy and OpenCV: scikit-image is no part of a
device's base install; where it has the same figure, a test holds ours against it.
"""

from skinseg_runtime.measurements.aruco_card import scale_from_card
from skinseg_runtime.measurements.colour import Colour
from skinseg_runtime.measurements.lesion import Lesion
from skinseg_runtime.measurements.regions import completed, measure
from skinseg_runtime.measurements.scale import Scale, scale_from_mm_per_px, scale_from_ruler

__all__ = [
    "Colour",
    "Lesion",
    "Scale",
    "completed",
    "measure",
    "scale_from_card",
    "scale_from_mm_per_px",
    "scale_from_ruler",
]
