"""What somebody drew, in the classes of a model: at photo size, and where the network sees it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import lesion_classes_of, read_label_map
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.preprocessing import to_network_labels, to_network_mask

__all__ = ["check_classes", "network_truth", "read_lesion", "read_truth"]


def check_classes(data_classes: Sequence[str] | None, contract: ModelContract) -> None:
    """Check that a data set's classes are those of the model; one that tells a single class may be scored on any set.

    Raises DatasetUnusable if they are not.
    """
    if data_classes is None or len(contract.classes) <= 2 or tuple(data_classes) == contract.classes:
        return
    raise DatasetUnusable(
        f"cannot evaluate on these pictures: their classes are {', '.join(data_classes)}, "
        f"the model's are {', '.join(contract.classes)}, and both must be the same in the same order"
    )


def read_truth(
    pair: PicturePair, contract: ModelContract, data_classes: Sequence[str] | None = None
) -> NDArray[np.uint8]:
    """Return the true class of every pixel of the photo, (rows, columns) uint8; for one map 0 and 1.

    *data_classes*: names of the data set's classes where they are known. Of a data set with several, a model that tells
    a single class from the rest is scored against the one of its name, or else against all that are lesion.

    Raises what `read_label_map` raises.
    """
    names = tuple(data_classes or contract.classes)
    labels = read_label_map(pair.mask, names)
    if len(names) == 1 or names == contract.classes:
        return labels
    own = contract.classes[-1:]
    lesion = own if own[0] in names[1:] else lesion_classes_of(names) or names[1:]
    return np.isin(labels, [names.index(name) for name in lesion]).astype(np.uint8)


def read_lesion(
    pair: PicturePair, contract: ModelContract, data_classes: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Return which pixels of the photo somebody drew as lesion, (rows, columns) bool; arguments as of `read_truth`."""
    return np.isin(read_truth(pair, contract, data_classes), contract.lesion_labels)


def network_truth(labels: NDArray[np.uint8], contract: ModelContract) -> NDArray[np.uint8]:
    """Bring the true classes to where the network sees the photo: (input rows, input columns) uint8.

    A single mask is averaged and cut at one half, as the papers on ISIC do it; classes cannot be averaged, so of these
    the nearest pixel is taken. A letterbox border is background.
    """
    if contract.is_binary:
        return (to_network_mask(labels == 1, contract) >= 128).astype(np.uint8)
    return to_network_labels(labels, contract)
