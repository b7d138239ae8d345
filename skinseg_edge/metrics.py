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

__all__ = [
    "BinaryCounts",
    "OutlineDistances",
    "area_drift",
    "counts",
    "dice",
    "hd95_px",
    "iou",
    "nsd",
    "outline_distances",
]

_ROUNDING_PX = 1e-4  # of a distance in float32; no two distances of pixels below 1000 px are as near to each other


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


@dataclass(frozen=True, eq=False)
class OutlineDistances:
    """How far each pixel of one mask's outline is from the nearest one of the other's, px, pixel centre to centre.

    *to_reference*: of the mask's outline pixels, (P,) float32; *to_mask*: of the reference's, (Q,) float32. Infinite
    where the other outline has no pixel.
    """

    to_reference: NDArray[np.float32]
    to_mask: NDArray[np.float32]

    @property
    def hd95_px(self) -> float:
        """The 95th percentile of each direction, and the larger of the two; see `hd95_px`."""
        if self.to_reference.size == 0 or self.to_mask.size == 0:
            return 0.0 if self.to_reference.size == self.to_mask.size else float("inf")
        return float(max(np.percentile(self.to_reference, 95), np.percentile(self.to_mask, 95)))

    def nsd(self, tolerance_px: float) -> float:
        """Return the share of both outlines that lies within *tolerance_px* of the other; see `nsd`.

        Raises ValueError if tolerance_px < 0.
        """
        if not tolerance_px >= 0:
            raise ValueError(f"cannot compare the outlines: the tolerance is {tolerance_px} px, expected 0 or more")
        pixels = self.to_reference.size + self.to_mask.size
        if pixels == 0:
            return 1.0
        reach = tolerance_px + _ROUNDING_PX
        within = np.count_nonzero(self.to_reference <= reach) + np.count_nonzero(self.to_mask <= reach)
        return int(within) / pixels


def outline_distances(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> OutlineDistances:
    """Measure once what `hd95_px` and `nsd` both ask for.

    An outline pixel is a lesion pixel with a neighbour left, right, above or below that is none, or on the picture's
    edge. Raises ValueError if the arrays are not two bool masks of one shape.
    """
    _check_pair(mask, reference)
    window = _window_of(mask | reference)
    ours, theirs = _outline(mask[window]), _outline(reference[window])
    return OutlineDistances(_distance_to(theirs)[ours], _distance_to(ours)[theirs])


def hd95_px(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Return the 95th percentile Hausdorff distance between the two outlines, px.

    From each outline pixel to the nearest one of the other mask (Euclidean, pixel centre to pixel centre); the 95th
    percentile of each direction, and the larger of the two. An outline pixel is a lesion pixel with a neighbour left,
    right, above or below that is none, or on the picture's edge. (MedPy's hd95 pools both directions before it takes
    the percentile; the two differ when one outline is much longer.)

    0 when both masks are empty, inf when exactly one is. Raises ValueError if the arrays are not two bool masks of one
    shape.
    """
    return outline_distances(mask, reference).hd95_px


def nsd(mask: NDArray[np.bool_], reference: NDArray[np.bool_], tolerance_px: float) -> float:
    """Return the normalized surface Dice of the two outlines at a tolerance, 0 to 1.

    (|S_A within t of S_B| + |S_B within t of S_A|) / (|S_A| + |S_B|), the surface Dice similarity coefficient at
    tolerance t of Nikolov et al. 2018 (arXiv:1809.04430; J. Med. Internet Res. 2021, 23(7):e26151). S are outline
    pixels, as in `hd95_px`, each counted once; their code (google-deepmind/surface-distance) weighs each piece of an
    outline by its length between the pixels.

    1 when both masks are empty, 0 when exactly one is. Raises ValueError if the arrays are not two bool masks of one
    shape, or tolerance_px < 0.
    """
    return outline_distances(mask, reference).nsd(tolerance_px)


def _window_of(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the box around a mask: outside it nothing is measured, so a photo of 12 megapixels costs what it shows."""
    left, top, columns, rows = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(top, top + rows), slice(left, left + columns)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    framed = np.pad(mask, 1)
    inner = framed[:-2, 1:-1] & framed[2:, 1:-1] & framed[1:-1, :-2] & framed[1:-1, 2:]
    return mask & ~inner


def _distance_to(outline: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance of every pixel to the nearest outline pixel, (H, W) float32, px; inf where there is none."""
    if not outline.any():
        return np.full(outline.shape, np.inf, np.float32)
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
