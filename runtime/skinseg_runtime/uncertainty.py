"""How sure an outline is: the band between two bolder and shyer outlines, and whether turned copies agree.

Both say how the network hesitates, not how far it is off: where it is wrong with conviction, the band is narrow and the
turned copies agree. docs/quality.md has what they were worth on real photos.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.image_io import decode
from skinseg_edge.metrics import dice
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.segmenter import Segmenter

__all__ = ["FlipConsistency", "flip_consistency", "outline_band"]

_FLIPS: tuple[tuple[slice, slice], ...] = (
    (slice(None), slice(None, None, -1)),
    (slice(None, None, -1), slice(None)),
    (slice(None, None, -1), slice(None, None, -1)),
)  # left and right, top and bottom, both: each undoes itself


@dataclass(frozen=True, kw_only=True, eq=False)
class FlipConsistency:
    """How far the masks of a photo and of its flipped copies agree.

    *lowest_dice*: the least Dice of a flipped copy's mask with the photo's own, 0 to 1; 1 if both are empty.
    *area_range*: smallest and largest area of the four masks over the photo's area, 0 to 1.
    *votes*: (h, w) uint8 at the size of the reduced photo, how many of the four masks hold a pixel, 0 to 4.
    """

    lowest_dice: float
    area_range: tuple[float, float]
    votes: NDArray[np.uint8]


def outline_band(segmentation: Segmentation, margin: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what is lesion even by a stricter threshold, and what is by a laxer one.

    A pixel is in *inner* when p >= threshold + margin and in *outer* when p >= threshold - margin; where a contract has
    several classes, p is by how much lesion beats the rest, (best lesion class - best other class + 1) / 2, against
    0.5.
    What was cleaned out of the mask is in neither, and parts of *outer* that do not touch the mask are left out: inner
    lies within segmentation.mask, and that within outer. The band is outer without inner. It is no confidence interval:
    p is not calibrated, and the true outline may lie outside.

    *margin*: a probability; threshold - margin and threshold + margin must lie between 0 and 1. Returns two (H, W) bool
    arrays at photo size.

    Raises ValueError if they do not.
    """
    contract = segmentation.contract
    middle = contract.threshold if contract.is_binary else 0.5
    widest = min(middle, 1 - middle)
    if not 0 < margin < widest:
        raise ValueError(
            f"cannot draw a band: the margin is {margin}, expected a probability between 0 and {widest:.4g}, so that "
            f"{middle:.4g} - margin and {middle:.4g} + margin are probabilities"
        )
    preference = _preference(segmentation)
    inner = (preference >= margin) & segmentation.mask
    outer = (preference >= -margin) | segmentation.mask
    return inner, _touching(outer, segmentation.mask)


def _preference(segmentation: Segmentation) -> NDArray[np.float32]:
    """Return (H, W) float32: by how much a pixel's probability of lesion exceeds what decides, -1 to 1."""
    probability, contract = segmentation.network_probability, segmentation.contract
    if contract.is_binary:
        return segmentation.probability - np.float32(contract.threshold)
    lesions = list(contract.lesion_indices)
    others = [index for index in range(len(contract.classes)) if index not in lesions]
    ahead = (probability[lesions].max(axis=0) - probability[others].max(axis=0)) / 2
    # Where the network saw nothing, to_photo gives 0, which would be a draw.
    return segmentation.placement.to_photo(ahead + np.float32(0.5)) - np.float32(0.5)


def _touching(outer: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the 8-connected parts of *outer* that hold some of *mask*, which is a part of it."""
    count, labels = cv2.connectedComponents(outer.view(np.uint8), connectivity=8)
    holds_mask = np.zeros(count, np.bool_)
    part_of = np.asarray(labels, np.int32)
    holds_mask[np.unique(part_of[mask])] = True
    return np.asarray(holds_mask[part_of], np.bool_)


def flip_consistency(segmenter: Segmenter, photo: str | Path | bytes | NDArray[np.uint8]) -> FlipConsistency:
    """Segment a photo and its three flips, and compare the masks. Takes four times as long as `segment`.

    *photo*: a file, the bytes of one, or (H, W, 3) uint8 RGB pixels; it is compared at the size at which it was decoded
    for the network.

    Raises what `Segmenter.segment` raises.
    """
    at_least = segmenter.contract.input_hw
    pixels = (
        photo
        if isinstance(photo, np.ndarray)
        else decode(photo, at_least_hw=at_least, max_pixels=segmenter.max_pixels).pixels
    )
    own = segmenter.segment(pixels).mask
    masks = [own, *(segmenter.segment(np.ascontiguousarray(pixels[flip])).mask[flip] for flip in _FLIPS)]
    shares = [float(mask.mean()) for mask in masks]
    return FlipConsistency(
        lowest_dice=min(dice(mask, own) for mask in masks[1:]),
        area_range=(min(shares), max(shares)),
        votes=np.asarray(np.sum(masks, axis=0, dtype=np.uint8)),
    )
