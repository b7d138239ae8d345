"""The scale from a card with a printed marker that lies on the skin beside the lesion."""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError
from skinseg_runtime.measurements.scale import Scale, scale_from_corners

__all__ = ["find_markers", "scale_from_card"]


def scale_from_card(photo: NDArray[np.uint8], side_mm: float) -> Scale:
    """Find an ArUco marker (DICT_4X4_50, any number) and take the plane that it lies in.

    From the four corners, refined below a pixel, comes the homography of Hartley & Zisserman 2004 (Multiple View
    Geometry, section 2.3), which takes tilt and perspective out of every length; it holds for flat skin in the card's
    plane. The tilt is the arc cosine of the shortest by the longest mm per px in the marker's middle, so it needs no
    knowledge of the lens; near 0 it is good to some degrees. The error holds the corners' and a quarter of a millimetre
    of the side, which is how well a ruler reads it. Of several markers the largest counts.

    *photo*: (H, W, 3) uint8 RGB, at full size. *side_mm*: length of the marker's black square as printed, mm.

    Raises InputError if side_mm <= 0 or no marker is seen.
    """
    if not (np.isfinite(side_mm) and side_mm > 0):
        raise InputError(f"cannot look for a card: its side is {side_mm} mm, expected more than 0; measure the print")
    found, numbers = find_markers(photo)
    if not found:
        raise InputError(
            "cannot read the scale from a card: no marker of ArUco's DICT_4X4_50 was seen; lay the card flat beside "
            "the lesion with a white margin around the marker, or give --mm-per-px"
        )
    largest = max(range(len(found)), key=lambda index: float(cv2.contourArea(found[index])))
    source = f"ArUco DICT_4X4_50 marker {numbers[largest]}"
    return scale_from_corners(found[largest].astype(np.float64), side_mm, source)


def find_markers(photo: NDArray[np.uint8]) -> tuple[list[NDArray[np.float32]], list[int]]:
    """Return corners, (4, 2) float32 (x, y) px, clockwise from the marker's own first, and numbers."""
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX  # without it, a marker comes out 1 px small
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), settings)
    corners, numbers, _ = detector.detectMarkers(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    if not corners:
        return [], []
    return [np.asarray(four, np.float32).reshape(4, 2) for four in corners], [int(n) for n in np.ravel(numbers)]
