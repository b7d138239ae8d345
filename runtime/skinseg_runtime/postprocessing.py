"""From the network's probabilities to a mask in photo coordinates: upsample, decide, fill holes, drop specks.

Two classes (one sigmoid map): a pixel is lesion when p >= threshold. Several (softmax): when some class that counts as
lesion is more probable than every class that does not. Unless the contract names them, all but the first class, the
background, count as lesion.
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
    "default_rules",
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


def default_rules(contract: ModelContract) -> PostProcessing:
    """Return how masks are cleaned when nobody says: as above, or not at all where a contract names lesion classes.

    Such a network tells parts of a face: a patch around the mouth makes no lesion of it, and small patches count.
    """
    if contract.lesion_classes and not contract.is_binary:
        return PostProcessing(fill_holes=False, smallest_of_photo=0, smallest_of_largest=0)
    return PostProcessing()


def lesion_probability(
    network_probability: NDArray[np.float32], placement: Placement, contract: ModelContract
) -> NDArray[np.float32]:
    """Return how probable it is that a pixel is lesion.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]. Returns (photo rows, photo columns) float32
    in [0, 1], 0 where the network saw nothing.
    """
    return placement.to_photo(lesion_map(network_probability, contract, map_hw=placement.input_hw))


def lesion_map(
    network_probability: NDArray[np.float32], contract: ModelContract, *, map_hw: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Return how probable lesion is at network size: the sum over the classes that count as such.

    *network_probability*: (K, rows, columns) float32 in [0, 1]. *map_hw*: its rows and columns where they are not the
    network's own, as of a map that was put together from several looks. Returns (rows, columns) float32 in [0, 1].

    Raises ValueError if network_probability.shape != (K, *map_hw), or (K, *contract.input_hw) without *map_hw*.
    """
    _check(network_probability, contract, map_hw or contract.input_hw)
    lesions = contract.lesion_indices
    if len(lesions) == 1:
        return np.asarray(network_probability[lesions[0]])
    if len(lesions) == len(contract.classes) - 1:
        return np.asarray(np.float32(1) - network_probability[0])
    # Rounding may carry a sum of probabilities past 1.
    total = np.sum(network_probability[list(lesions)], axis=0, dtype=np.float32)
    return np.asarray(np.minimum(total, 1), np.float32)


def mask_from_probability(
    network_probability: NDArray[np.float32],
    placement: Placement,
    contract: ModelContract,
    rules: PostProcessing | None = None,
) -> NDArray[np.bool_]:
    """Return the mask at photo size.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1]. Returns (photo rows, photo columns) bool,
    True = lesion. Where a lesion class and another one are equally probable, there is none.

    Raises ValueError if network_probability.shape != (K, *placement.input_hw).
    """
    _check(network_probability, contract, placement.input_hw)
    if contract.is_binary:
        mask = placement.to_photo(network_probability[0]) >= contract.threshold
    else:
        lesion = _highest(network_probability, placement, contract.lesion_indices)
        mask = lesion > _highest(network_probability, placement, _other_indices(contract))
    return _cleaned(mask, rules or default_rules(contract))


def class_map_from_probability(
    network_probability: NDArray[np.float32],
    placement: Placement,
    contract: ModelContract,
    mask: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Return the class of every pixel: the most probable lesion class inside *mask*, outside it of the other classes.

    So a part of a lesion that was cleaned away takes the class that was next. Where the network saw nothing, there is
    background; a tie goes to the lower number.

    *network_probability*: (K, input rows, input columns). *mask*: (photo rows, photo columns) bool, from
    `mask_from_probability`. Returns (photo rows, photo columns) uint8; a binary network's lesion is 1.

    Raises ValueError if network_probability.shape != (K, *placement.input_hw).
    """
    _check(network_probability, contract, placement.input_hw)
    if contract.is_binary:
        return mask.astype(np.uint8)
    outside = _strongest(network_probability, placement, _other_indices(contract))
    np.copyto(outside, _strongest(network_probability, placement, contract.lesion_indices), where=mask)
    return outside


def _other_indices(contract: ModelContract) -> tuple[int, ...]:
    return tuple(index for index in range(len(contract.classes)) if index not in contract.lesion_indices)


def _highest(
    network_probability: NDArray[np.float32], placement: Placement, indices: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the probability of the most probable of these classes, at photo size."""
    best = placement.to_photo(network_probability[indices[0]])
    for k in indices[1:]:
        np.maximum(best, placement.to_photo(network_probability[k]), out=best)
    return best


def _strongest(
    network_probability: NDArray[np.float32], placement: Placement, indices: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Return which of these classes, in rising order, is the most probable, at photo size."""
    number = np.full(placement.photo_hw, indices[0], np.uint8)
    if len(indices) == 1:
        return number
    best = placement.to_photo(network_probability[indices[0]])
    for k in indices[1:]:
        candidate = placement.to_photo(network_probability[k])
        # Numbers rise, so the largest of a pixel's winners is the last one. At 12 megapixels an indexed assignment
        # would take several times as long.
        np.maximum(number, (candidate > best).view(np.uint8) * np.uint8(k), out=number)
        np.maximum(best, candidate, out=best)
    return number


def _check(network_probability: NDArray[np.float32], contract: ModelContract, map_hw: tuple[int, int]) -> None:
    # A map of several looks is larger than the network's input, so its placement says the size, not the contract.
    expected = (len(contract.classes), *map_hw)
    if network_probability.shape != expected:
        raise ValueError(
            f"the probabilities are {network_probability.shape}, contract and placement ask for {expected}"
        )


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
