"""From the network's probabilities to a mask in photo coordinates: upsample, decide, fill holes, drop specks.

Two classes (one sigmoid map): a pixel is lesion when p >= threshold. Several (softmax): when some class that counts as
lesion is more probable than every class that does not. Unless the contract names them, all but the first class, the
background, count as lesion.
"""

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bilinear import Decision, Sampler, corners_above
from skinseg_edge.contract import ModelContract
from skinseg_edge.preprocessing import Placement
from skinseg_runtime.mask_cleaning import PostProcessing, clean

__all__ = [
    "PostProcessing",
    "class_map_from_probability",
    "default_rules",
    "lesion_map",
    "lesion_probability",
    "located_mask",
    "mask_from_probability",
]


def default_rules(contract: ModelContract) -> PostProcessing:
    """Return how masks are cleaned when nobody says: by default, or not at all where a contract names lesion classes.

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
    return located_mask(network_probability, placement, contract, rules).mask


def located_mask(
    network_probability: NDArray[np.float32],
    placement: Placement,
    contract: ModelContract,
    rules: PostProcessing | None = None,
) -> Decision:
    """Return `mask_from_probability` and the box of what it holds, (top, left, bottom, right) px, end-exclusive.

    Upsampled and cleaned is only what is not known beforehand; see `skinseg_edge.bilinear`.
    """
    _check(network_probability, contract, placement.input_hw)
    if contract.is_binary:
        decision = _threshold(network_probability[0], placement, contract.threshold)
    else:
        decision = _strongest_is_lesion(network_probability, placement, contract)
    box = clean(decision.mask, decision.box, rules or default_rules(contract))
    return Decision(decision.mask, box)


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


def _threshold(probability: NDArray[np.float32], placement: Placement, threshold: float) -> Decision:
    above = probability - np.float32(threshold)
    return placement.decided(
        corners_above(above), corners_above(-above), lambda sample: sample(probability) >= threshold
    )


def _strongest_is_lesion(
    network_probability: NDArray[np.float32], placement: Placement, contract: ModelContract
) -> Decision:
    """Decide where some lesion class is more probable than every other; where one is at all corners, it is between."""
    lesions, others = (network_probability[list(of)] for of in (contract.lesion_indices, _other_indices(contract)))
    yes = _one_stays_above(lesions, others.max(axis=0))
    no = _one_stays_above(others, lesions.max(axis=0))
    return placement.decided(yes, no, lambda sample: _highest(lesions, sample) > _highest(others, sample))


def _one_stays_above(planes: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.bool_]:
    found = corners_above(planes[0] - level)
    for plane in planes[1:]:
        found |= corners_above(plane - level)
    return found


def _highest(planes: NDArray[np.float32], sample: Sampler) -> NDArray[np.float32]:
    """Return the probability of the most probable of these classes at every pixel that is asked for."""
    best = sample(planes[0])
    for plane in planes[1:]:
        np.maximum(best, sample(plane), out=best)
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
