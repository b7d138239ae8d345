"""How far the values reach that are to be quantized: calibration, by three methods side by side.

Symmetric, so one number a value: the |x| that becomes 127. Which method is used is decided by the acceptance gate.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.quantization_scales import QUANTIZED_LIMIT
from skinseg_export.calculator import Calculator, open_calculator
from skinseg_export.deployed_graph import INPUT_NAME

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["METHODS", "Histogram", "Ranges", "calibrate"]

METHODS = ("minmax", "percentile", "entropy")

Ranges = dict[str, dict[str, float]]  # method -> value name -> reach

_BINS = 2048
_NOTHING = 1e-30  # bins of so small values would have widths that float32 cannot hold
_KEPT_SHARE = 0.9999  # of all values, by the method "percentile"
_ENTROPY_STRIDE = 16  # bins between two reaches that "entropy" tries
_LEVELS = QUANTIZED_LIMIT + 1  # of |x| in 8 signed bits


class Histogram:
    """Counts of |x| in 2048 equal bins from 0; a value beyond the last bin doubles their width.

    Raises ValueError from `add` if a value is not finite.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(_BINS, np.int64)
        self.limit = 0.0
        self.largest = 0.0

    def add(self, values: NDArray[np.float32]) -> None:
        """Count *values*, of any shape."""
        sizes = np.abs(values, dtype=np.float32).ravel()
        largest = float(sizes.max(initial=0))
        if not np.isfinite(largest):
            raise ValueError("cannot count a value that is not finite")
        self.largest = max(self.largest, largest)
        if self.limit == 0.0 and largest > _NOTHING:
            self.limit = largest
        while largest > self.limit > 0.0:
            self.counts = np.concatenate([self.counts.reshape(-1, 2).sum(axis=1), np.zeros(_BINS // 2, np.int64)])
            self.limit *= 2
        scale = np.float32(_BINS / self.limit) if self.limit else np.float32(0)
        bins = np.minimum((sizes * scale).astype(np.int32), _BINS - 1)
        self.counts += np.bincount(bins, minlength=_BINS)

    def reach(self, method: str) -> float:
        """Return the |x| that shall become 127, by one of METHODS; never 0."""
        chosen = {"minmax": lambda: self.largest, "percentile": self._percentile, "entropy": self._entropy}[method]()
        return min(chosen, self.largest) or 1.0  # nothing but zeros: any reach will do

    def _percentile(self) -> float:
        done = np.cumsum(self.counts) / max(int(self.counts.sum()), 1)
        return self.limit * (int(np.searchsorted(done, _KEPT_SHARE)) + 1) / _BINS

    def _entropy(self) -> float:
        """Return the reach whose quantized distribution is nearest to the values' own, by Kullback-Leibler divergence.

        Migacz 2017, "8-bit inference with TensorRT", GTC session S7310.
        """
        used = int(np.flatnonzero(self.counts).max(initial=0)) + 1
        tried = range(_LEVELS, used + _ENTROPY_STRIDE, _ENTROPY_STRIDE)
        ends = [min(end, _BINS) for end in tried]
        if not ends:
            return self.largest
        counts = self.counts.copy()
        counts[0] = counts[1]  # a ReLU's zeros are exact in any 8 bits, and would outweigh all that is not
        divergences = [_divergence(counts, end) for end in ends]
        return self.limit * ends[int(np.argmin(divergences))] / _BINS


def calibrate(
    single: "ModelProto",
    images: Iterable[NDArray[np.uint8]],
    values: Collection[str],
    advance: Callable[[], None] = lambda: None,
) -> Ranges:
    """Run the fp32 model over *images*, each (H, W, 3) uint8 RGB at network size, and return how far *values* reach.

    *values*: names of float values of the graph. *advance* is called after each image.

    Raises ValueError if a value is not finite, naming it.
    """
    names = sorted(values)
    session = _opened(single, names)
    histograms = {name: Histogram() for name in names}
    for image in images:
        for name, found in zip(names, session.run(names, {INPUT_NAME: image[None]}), strict=True):
            try:
                histograms[name].add(found)
            except ValueError as error:
                raise ValueError(f"cannot calibrate {name}: it takes a value that is not finite") from error
        advance()
    return {method: {name: histograms[name].reach(method) for name in names} for method in METHODS}


def _opened(single: "ModelProto", names: list[str]) -> Calculator:
    """Open *single* with *names* as further outputs."""
    import onnx

    model = onnx.ModelProto()
    model.CopyFrom(single)
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    return open_calculator(model, optimised=True)


def _divergence(counts: NDArray[np.int64], end: int) -> float:
    """Return how much is lost when |x| beyond bin *end* is cut off and the rest is rounded to _LEVELS levels."""
    reference = counts[:end].astype(np.float64)
    quantized = _rounded(reference)
    reference[-1] += counts[end:].sum()
    if not quantized.any():
        return float("inf")
    p, q = reference / reference.sum(), quantized / quantized.sum()
    held = p > 0
    # What q lacks counts with the smallest share that a float can tell from none.
    return float(np.sum(p[held] * np.log(p[held] / np.maximum(q[held], 1e-12))))


def _rounded(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread the sum of every level evenly over those of its bins that hold something."""
    starts = (np.arange(_LEVELS) * len(counts)) // _LEVELS
    held = counts > 0
    sums, filled = np.add.reduceat(counts, starts), np.add.reduceat(held.astype(np.float64), starts)
    share = np.divide(sums, filled, out=np.zeros(_LEVELS), where=filled > 0)
    widths = np.diff(np.append(starts, len(counts)))
    return np.repeat(share, widths) * held
