"""From the network's probabilities to a mask in photo coordinates: upsample, decide, fill holes, drop specks.

Two classes (one sigmoid map): a pixel is lesion when p >= threshold. Several (softmax): when some other class is more
probable than the background, which is the first.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.preprocessing import Placement

__all__ = [
    "PostProcessing",
    "class_map_from_probability",
    "lesion_map",
    "lesion_probability",
    "mask_from_probability",
]


@dataclass(frozen=True, kw_only=True)
class PostProcessing:
    """How a raw mask is cleaned.

    *fill_holes*: background that foreground encloses becomes foreground; a gap open to the photo's border is no hole.
    A part is dropped when it is smaller than *smallest_of_photo* of the photo's area (default 1 %) and smaller than
    *smallest_of_largest* of the largest part's (default 10 %); so the largest always stays. Both 0 keep everything.
    What lies in a hole goes with the part around it. The defaults come from benchmarks/part_rules.py: they drop what a
    dark corner or a sticker leaves, and keep a second lesion of a tenth of the first one's size.
    """

    fill_holes: bool = True
    smallest_of_photo: float = 0.01
    smallest_of_largest: float = 0.1


def lesion_probability(
    network_probability: NDArray[np.float32], placement: Placement, contract: ModelContract
) -> NDArray[np.float32]:
    """Return how probable it is that a pixel is anything but background.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]. Returns (photo rows, photo columns) float32
    in [0, 1], 0 where the network saw nothing.
    """
    _check(network_probability, contract)
    return placement.to_photo(lesion_map(network_probability))


def lesion_map(network_probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how probable anything but background is, at network size.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]; K = 1 is a map of the lesion itself, else
    the first map is the background. Returns (input rows, input columns) float32 in [0, 1].
    """
    first = network_probability[0]
    return np.asarray(first if len(network_probability) == 1 else np.float32(1) - first)


def mask_from_probability(
    network_probability: NDArray[np.float32],
    placement: Placement,
    contract: ModelContract,
    rules: PostProcessing | None = None,
) -> NDArray[np.bool_]:
    """Return the mask at photo size.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]. Returns (photo rows, photo columns) bool,
    True = lesion (any class but background).

    Raises ValueError if network_probability.shape != (K, *contract.input_hw).
    """
    _check(network_probability, contract)
    if contract.is_binary:
        mask = placement.to_photo(network_probability[0]) >= contract.threshold
    else:
        mask = _strongest(network_probability, placement)[1] > placement.to_photo(network_probability[0])
    return _cleaned(mask, rules or PostProcessing())


def class_map_from_probability(
    network_probability: NDArray[np.float32], placement: Placement, mask: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the class of every pixel: 0 outside *mask*, inside it the most probable class that is not background.

    *network_probability*: (K, input rows, input columns). *mask*: (photo rows, photo columns) bool, from
    `mask_from_probability`. Returns (photo rows, photo columns) uint8; a binary network's lesion is 1.
    """
    if len(network_probability) == 1:
        return mask.astype(np.uint8)
    return np.where(mask, _strongest(network_probability, placement)[0], np.uint8(0))


def _strongest(
    network_probability: NDArray[np.float32], placement: Placement
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the most probable class from 1 on and its probability, at photo size; a tie goes to the lower number."""
    best = placement.to_photo(network_probability[1])
    number = np.ones(placement.photo_hw, np.uint8)
    for k in range(2, len(network_probability)):
        candidate = placement.to_photo(network_probability[k])
        wins = candidate > best
        number[wins] = k
        np.maximum(best, candidate, out=best)
    return number, best


def _check(network_probability: NDArray[np.float32], contract: ModelContract) -> None:
    expected = (len(contract.classes), *contract.input_hw)
    if network_probability.shape != expected:
        raise ValueError(f"the probabilities are {network_probability.shape}, the contract asks for {expected}")


def _cleaned(mask: NDArray[np.bool_], rules: PostProcessing) -> NDArray[np.bool_]:
    # Outlines instead of labelled regions: at 12 megapixels this takes 10 ms instead of 200.
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return mask
    areas = [_area(mask, outline, rules.fill_holes) for outline in outlines]
    smallest = min(rules.smallest_of_photo * mask.size, rules.smallest_of_largest * max(areas))
    staying = [outline for outline, area in zip(outlines, areas, strict=True) if area >= smallest]
    cleaned = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(cleaned, staying, -1, 1, cv2.FILLED)
    return cleaned.view(np.bool_) if rules.fill_holes else cleaned.view(np.bool_) & mask


def _area(mask: NDArray[np.bool_], outline: MatLike, with_holes: bool) -> int:
    """Count the pixels inside an outline: all, or those of the mask."""
    left, top, columns, rows = cv2.boundingRect(outline)
    filled = np.zeros((rows, columns), np.uint8)
    cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED, offset=(-left, -top))
    if with_holes:
        return int(np.count_nonzero(filled))
    return int(np.count_nonzero(filled.view(np.bool_) & mask[top : top + rows, left : left + columns]))
