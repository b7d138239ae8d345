"""The window of a printed card: the only skin in its picture, so the network looks at nothing else."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card.layout import SQUARE_MM, WINDOW, marker_boxes
from skinseg_edge.preprocessing import Placement
from skinseg_runtime.measurements import Scale
from skinseg_runtime.segmentation import Segmentation

__all__ = ["CardWindow", "card_window", "in_whole_photo"]

_FOUR_MARKERS = "4 markers"
_SMALLEST_SIDE = 32  # px


@dataclass(frozen=True, eq=False)
class CardWindow:
    """Where it is.

    *box*: (top, left, bottom, right) px of the photo around the window, end-exclusive. *homography*: (3, 3), from
    the photo, px, to the window, whose corners are then (0, 0) and (1, 1).
    """

    box: tuple[int, int, int, int]
    homography: NDArray[np.float64]

    def without_card(self, segmentation: Segmentation) -> Segmentation:
        """Return the segmentation of the photo's *box* with no lesion outside of the window: there is only card."""
        probability, placement = segmentation.network_probability, segmentation.placement
        inside = self._inside(placement)
        lesions = list(segmentation.contract.lesion_indices)
        blank = np.zeros((len(probability), 1, 1), np.float32)
        if not segmentation.contract.is_binary:
            blank[next(index for index in range(len(probability)) if index not in lesions)] = 1
        return replace(segmentation, network_probability=np.where(inside, probability, blank))

    def _inside(self, placement: Placement) -> NDArray[np.bool_]:
        """Return (input rows, input columns) bool: which cells' centres lie in the window."""
        top, left, bottom, right = placement.photo_box
        in_top, in_left = placement.input_box[:2]
        rows, columns = placement.covered_hw
        y = (np.arange(placement.input_hw[0]) - in_top + 0.5) * (bottom - top) / rows - 0.5 + top + self.box[0]
        x = (np.arange(placement.input_hw[1]) - in_left + 0.5) * (right - left) / columns - 0.5 + left + self.box[1]
        places = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))])  # (3, rows, columns)
        u, v, w = np.tensordot(self.homography, places, 1)
        return np.asarray((w > 0) & (u >= 0) & (u <= w) & (v >= 0) & (v <= w), np.bool_)


def card_window(scale: Scale, photo_hw: tuple[int, int]) -> CardWindow | None:
    """Find the window of a card all of whose markers are seen; None where they are not, or it is not in the photo.

    *scale*: from `scale_from_printed_card`, whose plane begins at the outer corner of the first marker.
    """
    if scale.homography is None or scale.corners is None or _FOUR_MARKERS not in scale.source:
        return None
    first = marker_boxes()[0]
    side = cv2.perspectiveTransform(scale.corners[None], scale.homography)[0].max() / SQUARE_MM  # of a printed mm
    to_window = np.diag([1 / (side * WINDOW.width), 1 / (side * WINDOW.height), 1.0])
    to_window[:2, 2] = (first.x - WINDOW.x) / WINDOW.width, (first.y - WINDOW.y) / WINDOW.height
    homography = to_window @ scale.homography
    homography *= np.sign(homography[2] @ [*scale.corners.mean(axis=0), 1])
    corners = cv2.perspectiveTransform(
        np.array([[(0, 0), (1, 0), (1, 1), (0, 1)]], np.float64), np.linalg.inv(homography)
    )
    left, top = np.maximum(np.floor(corners[0].min(axis=0)).astype(int), 0).tolist()
    right, bottom = np.minimum(np.ceil(corners[0].max(axis=0)).astype(int) + 1, photo_hw[::-1]).tolist()
    if min(right - left, bottom - top) < _SMALLEST_SIDE:
        return None
    return CardWindow((top, left, bottom, right), homography)


def in_whole_photo(segmentation: Segmentation, box: tuple[int, int, int, int], hw: tuple[int, int]) -> Segmentation:
    """Return the segmentation of *box* as one of the whole photo of *hw* (rows, columns), px."""
    top, left = box[:2]
    of = segmentation.placement.photo_box
    placement = replace(
        segmentation.placement, photo_hw=hw, photo_box=(of[0] + top, of[1] + left, of[2] + top, of[3] + left)
    )
    boxes = tuple((x0 + left, y0 + top, x1 + left, y1 + top) for x0, y0, x1, y1 in segmentation.look.boxes)
    return replace(segmentation, placement=placement, look=replace(segmentation.look, boxes=boxes))
