"""Fewer bits for the weights of a converted program: 8 and 4 by linear quantization, 4 by a table of values.

What is multiplied stays float16: Core ML restores the weights when it loads the program or as it computes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.options import CoremlPrecision

__all__ = ["compressed", "table_of_values"]

_FEWEST_WEIGHTS = 512  # of a tensor that is worth it: scales and tables take room, too, and small ones are sensitive
# Operators whose weights are compressed, and the axis of their input channels. A constant that goes elsewhere (into a
# choice, a shift) may hold an infinity, which no scale covers, and shrinks by little.
_INPUT_AXES = {"conv": 1, "conv_transpose": 0, "linear": 1, "matmul": -2}
_COMPRESSED = ("int8", "int4", "palettized")
_LARGEST_BLOCK = 16  # input channels that share a scale of 4-bit weights
_TABLE = 16  # values of 4 bits
_MOST_ROUNDS = 100


def compressed(model: Any, precision: CoremlPrecision) -> Any:
    """Return *model*, of coremltools, with weights as *precision* says; fp32, fp16 and w8a8 stay as they are.

    int8: symmetric, one scale an output channel. int4: symmetric, one scale an output channel and block of up to 16
    input channels. palettized: 16 values a tensor, found by k-means. Biases, norms and other constants keep their bits.
    """
    if precision not in _COMPRESSED:
        return model
    with quiet():
        import coremltools.optimize.coreml as cto

        weights = cto.get_weights_metadata(model, weight_threshold=_FEWEST_WEIGHTS - 1)
        rules = cto.OptimizationConfig()
        for name, weight in weights.items():
            users = [user.op_type for user in weight.child_ops]
            if _INPUT_AXES.keys() >= set(users):
                rules.set_op_name(name, _rule(cto, precision, weight.val.shape, users))
        compress = cto.palettize_weights if precision == "palettized" else cto.linear_quantize_weights
        return compress(model, rules)


def _rule(cto: Any, precision: CoremlPrecision, shape: Sequence[int], users: Sequence[str]) -> Any:
    """Return how to store a tensor of *shape* that goes into operators of the kinds *users*."""
    if precision == "palettized":
        return cto.OpPalettizerConfig(mode="custom", lut_function=table_of_values, weight_threshold=_FEWEST_WEIGHTS - 1)
    is_four = precision == "int4"
    return cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        dtype=precision,
        granularity="per_block" if is_four else "per_channel",
        block_size=_block(shape[_INPUT_AXES[users[0]]]) if is_four else 0,
        weight_threshold=_FEWEST_WEIGHTS - 1,
    )


def _block(channels: int) -> int:
    """Return the largest number up to 16 that divides *channels*; coremltools leaves a tensor alone otherwise."""
    return max(size for size in range(1, _LARGEST_BLOCK + 1) if channels % size == 0)


def table_of_values(weights: NDArray[np.floating[Any]]) -> tuple[NDArray[np.floating[Any]], NDArray[np.uint8]]:
    """Choose 16 values for *weights* so that the squared error is small; coremltools' own way needs scikit-learn.

    Lloyd's algorithm (1982, IEEE Transactions on Information Theory 28(2), section V) in one dimension, from
    values spread evenly over the range, from quantiles and from the first values; the best end counts. The same
    weights give the same table.

    Returns the values, (16,) of the weights' dtype, rising, and for each weight the number of its value, flat uint8.
    """
    wide = weights.astype(np.float64)
    values, place, counts = np.unique(wide, return_inverse=True, return_counts=True)
    quantiles = np.asarray(np.quantile(wide, (np.arange(_TABLE) + 0.5) / _TABLE), np.float64)
    # The last start holds every value where there are no more than 16.
    starts = np.linspace(values[0], values[-1], _TABLE), quantiles, np.resize(values[:_TABLE], _TABLE)
    ends = [_improved(np.sort(start), values, counts).astype(weights.dtype) for start in starts]
    numbers = [_nearest(end.astype(np.float64), values) for end in ends]
    errors = [
        float((counts * (end[chosen].astype(np.float64) - values) ** 2).sum())
        for end, chosen in zip(ends, numbers, strict=True)
    ]
    best = int(np.argmin(errors))
    return ends[best], numbers[best][place.ravel()].astype(np.uint8)


def _improved(table: NDArray[np.float64], values: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Move each entry of *table* to the mean of the values nearest to it until nothing moves."""
    for _ in range(_MOST_ROUNDS):
        chosen = _nearest(table, values)
        shares = np.bincount(chosen, counts, _TABLE)
        sums = np.bincount(chosen, values * counts, _TABLE)
        better = np.where(shares > 0, sums / np.maximum(shares, 1), table)  # what nobody chose stays
        if np.array_equal(better, table):
            break
        table = better
    return table


def _nearest(table: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.searchsorted((table[1:] + table[:-1]) / 2, values)
