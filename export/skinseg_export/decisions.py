"""When a pixel counts as a class: the papers' three rules, which differ where a probability meets the threshold.

at-least   p >= threshold   SCSONet, CM-SSM, and this project's runtime
above      p > threshold    U-Net on HAM10000
argmax     the most probable class, the first of equals (of one map: p > 0.5)   ULFFN, HHBSNet
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError

__all__ = ["DECISIONS", "Decision", "confidence_of", "decided_labels", "decision_for"]

Decision: TypeAlias = Literal["at-least", "above", "argmax"]
DECISIONS: tuple[str, ...] = get_args(Decision)


def decision_for(contract: ModelContract, asked: Decision | None = None) -> Decision:
    """Return the rule *asked* for, or without one that of the runtime: a threshold for one map, else argmax.

    Raises InputError if a threshold is asked for over more than two classes.
    """
    if asked in ("at-least", "above") and len(contract.classes) > 2:
        raise InputError(
            f"cannot decide by {asked!r} over the {len(contract.classes)} classes of this model: a threshold tells two "
            "apart; leave --decision out or give argmax"
        )
    return asked or ("at-least" if contract.is_binary else "argmax")


def decided_labels(probability: NDArray[np.float32], contract: ModelContract, decision: Decision) -> NDArray[np.uint8]:
    """Return the class of every pixel, (H, W) uint8; of one map 0 is background and 1 its class.

    *probability*: (K, H, W) float32 in [0, 1].
    """
    if decision == "argmax":
        best = probability[0] > np.float32(0.5) if contract.is_binary else probability.argmax(0)
        return np.asarray(best, np.uint8)
    # float32, as the runtime compares: 0.1 as a float64 would be another number.
    threshold = np.float32(contract.threshold)
    return np.asarray(probability[-1] >= threshold if decision == "at-least" else probability[-1] > threshold, np.uint8)


def confidence_of(probability: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how probable the decided class is at each pixel, (H, W) float32.

    *probability*: (K, H, W); *labels*: (H, W) from `decided_labels`.
    """
    if len(probability) == 1:
        return np.where(labels == 1, probability[0], np.float32(1) - probability[0])
    return np.asarray(np.take_along_axis(probability, labels[None].astype(np.intp), 0)[0])
