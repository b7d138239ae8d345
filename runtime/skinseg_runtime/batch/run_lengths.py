"""A mask as run lengths: how many pixels are alike, row by row, background first.

>>> mask = np.array([[0, 1, 1], [1, 0, 0]], bool)
>>> run_lengths_from_mask(mask)
[1, 3, 2]
>>> bool((mask_from_run_lengths([1, 3, 2], (2, 3)) == mask).all())
True
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError

__all__ = ["mask_from_run_lengths", "run_lengths_from_mask"]


def run_lengths_from_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Return the runs of *mask*, (H, W) bool, in row-major order: background, lesion, background, ...

    The first is 0 where the first pixel is lesion; all others are at least 1, and their sum is H x W.
    """
    flat = np.ravel(mask)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat[0] else runs


def mask_from_run_lengths(runs: Sequence[int], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask, (H, W) bool, of *runs* as `run_lengths_from_mask` gives them; *hw*: its rows and columns.

    Raises InputError if a run is negative or they do not fill rows x columns.
    """
    lengths = np.asarray(runs, np.int64).reshape(-1)
    total = int(lengths.sum())
    negative = int(np.count_nonzero(lengths < 0))
    if negative or total != hw[0] * hw[1]:
        raise InputError(
            f"cannot read the run lengths: {negative} of {lengths.size} are negative and they add up to {total:,}, "
            f"expected none and {hw[0]} x {hw[1]} = {hw[0] * hw[1]:,}; take rows and columns from the same row"
        )
    is_lesion = np.arange(lengths.size) % 2 == 1
    return np.repeat(is_lesion, lengths).reshape(hw)
