"""How well a lesion mask agrees with a reference: overlap, distance, area.

Two conventions that must not be mixed. *Pooled*: `counts` of every picture are added, then `BinaryCounts.dice` and its
kin are taken once; an empty denominator gives 0 (SCSONet, CM-SSM, U-Net papers). *Per image*: `dice` and `iou` of each
picture, to be averaged; two empty masks agree fully, so 0/0 gives 1 (ULFFN paper, ISIC challenge).

Masks are (H, W) bool, True = lesion, both of the same shape.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BinaryCounts", "area_drift", "counts", "dice", "hd95_px", "iou"]


@dataclass(frozen=True)
class BinaryCounts:
    """Pixels of one or more pictures: true and false positives, false and true negatives.

    >>> total = BinaryCounts(tp=6, fp=2, fn=2, tn=90) + BinaryCounts(tp=0, fp=0, fn=0, tn=100)
    >>> total.dice, total.iou, total.accuracy
    (0.75, 0.6, 0.98)
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: "BinaryCounts") -> "BinaryCounts":
        """Pool two groups of pictures."""
        return BinaryCounts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN), which is 2 IoU / (1 + IoU); 0 when the denominator is 0."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN), of the lesion alone (papers print it as "mIoU"); 0 when the denominator is 0."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """(TP + TN) / all pixels; 0 when there are none."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)

    @property
    def sensitivity(self) -> float:
        """TP / (TP + FN), also called recall; 0 when the reference has no lesion."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """TN / (TN + FP); 0 when the reference is lesion everywhere."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 0 when no lesion was found."""
        return _ratio(self.tp, self.tp + self.fp)


def counts(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> BinaryCounts:
    """Count the pixels of one picture.

    Raises ValueError if the arrays are not two bool masks of one shape.
    """
    _check_pair(mask, reference)
    tp = int(np.count_nonzero(mask & reference))
    found, real = int(np.count_nonzero(mask)), int(np.count_nonzero(reference))
    return BinaryCounts(tp, found - tp, real - tp, mask.size - found - real + tp)


def dice(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return 2 |A and B| / (|A| + |B|) of one picture, 0 to 1; 1 when both masks are empty.

    Raises ValueError if the arrays are not two bool masks of one shape.
    """
    pixels = counts(mask, reference)
    return pixels.dice if pixels.tp + pixels.fp + pixels.fn else 1.0


def iou(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return |A and B| / |A or B| of one picture, 0 to 1; 1 when both masks are empty.

    Raises ValueError if the arrays are not two bool masks of one shape.
    """
    pixels = counts(mask, reference)
    return pixels.iou if pixels.tp + pixels.fp + pixels.fn else 1.0


def area_drift(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return | |A| - |B| | / |B|: how far the area strays, relative to the reference.

    0 when both are empty, inf when only the reference is. Raises ValueError if the arrays are not two bool masks of one
    shape.
    """
    _check_pair(mask, reference)
    found, real = int(np.count_nonzero(mask)), int(np.count_nonzero(reference))
    if real == 0:
        return 0.0 if found == 0 else float("inf")
    return abs(found - real) / real


def hd95_px(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return the 95th percentile Hausdorff distance between the two outlines, px.

    From each outline pixel to the nearest one of the other mask (Euclidean, pixel centre to pixel centre); the 95th
    percentile of each direction, and the larger of the two. An outline pixel is a lesion pixel with a neighbour left,
    right, above or below that is none, or on the picture's edge. (MedPy's hd95 pools both directions before it takes
    the percentile; the two differ when one outline is much longer.)

    0 when both masks are empty, inf when exactly one is. Raises ValueError if the arrays are not two bool masks of one
    shape.
    """
    _check_pair(mask, reference)
    if not mask.any() or not reference.any():
        return 0.0 if mask.any() == reference.any() else float("inf")
    ours, theirs = _outline(mask), _outline(reference)
    to_theirs = _distance_to(theirs)[ours]
    to_ours = _distance_to(ours)[theirs]
    return float(max(np.percentile(to_theirs, 95), np.percentile(to_ours, 95)))


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    framed = np.pad(mask, 1)
    inner = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return mask & ~inner


def _distance_to(outline: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of every pixel to the nearest outline pixel, (H, W) float32, px."""
    elsewhere = np.where(outline, np.uint8(0), np.uint8(1))
    return np.asarray(cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _check_pair(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> None:
    if mask.shape != reference.shape or mask.ndim != 2 or mask.dtype != np.bool_ or reference.dtype != np.bool_:
        raise ValueError(
            f"cannot compare the masks: got {mask.shape} {mask.dtype} and {reference.shape} {reference.dtype}, "
            "expected two (H, W) bool arrays of one shape"
        )
