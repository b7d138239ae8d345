"""Whether one model is better than another or was lucky: mean and spread, paired t-test, bootstrap interval.

The samples are repeated runs (other seeds, one figure each) or pictures (one figure each). Paired means that the
samples of both models belong together: the same seed, the same picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import ToolMissing
from skinseg_edge.metrics import BinaryCounts

__all__ = ["Interval", "PairedTest", "Summary", "bootstrap_interval", "paired_t_test", "pooled_interval", "summary_of"]

_DRAWS = 10_000  # ends of a 95 % interval then repeat to about a fiftieth of its width
_BATCH = 500  # draws at once: 500 x 1000 pictures of weights are 4 MB


@dataclass(frozen=True)
class Summary:
    """*mean* and sample standard deviation *sd* (n - 1) of *count* values; NaN for one value or if one is infinite."""

    mean: float
    sd: float
    count: int


@dataclass(frozen=True)
class PairedTest:
    """Student's t-test of paired samples, two-sided. *difference*: mean of first minus second. *count*: of pairs.

    *t*, *p*: NaN where nothing can be said (one pair, or no difference in any pair).
    """

    difference: float
    t: float
    p: float
    count: int


@dataclass(frozen=True)
class Interval:
    """Between *low* and *high* lies the figure, with probability *level*, if the pictures stand for all pictures."""

    low: float
    high: float
    level: float


def summary_of(values: Sequence[float]) -> Summary:
    """Sum up the figures of repeated runs.

    Raises ValueError if there is none.

    >>> summary_of([0.88, 0.90, 0.92])
    Summary(mean=0.9, sd=0.02..., count=3)
    """
    if not values:
        raise ValueError("cannot sum up runs: got no figure, expected at least one")
    sd = float(np.std(values, ddof=1)) if len(values) > 1 and np.isfinite(values).all() else float("nan")
    return Summary(float(np.mean(values)), sd, len(values))


def paired_t_test(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Test whether the mean difference of two paired samples could be chance.

    Where all pairs differ by the same amount there is no spread to test against: t is infinite and p 0.

    Raises ValueError if the samples are empty or of two lengths, ToolMissing if scipy is not installed.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"cannot pair {len(first)} values with {len(second)}: expected as many of both, at least one")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    count, mean = len(differences), float(differences.mean())
    if count < 2 or not differences.any():
        return PairedTest(mean, float("nan"), float("nan"), count)
    error = float(differences.std(ddof=1)) / count**0.5
    if error <= 1e-12 * abs(mean):  # equal but for the rounding of the subtraction
        return PairedTest(mean, float(np.copysign(np.inf, mean)), 0.0, count)
    t = mean / error
    return PairedTest(mean, t, _two_sided_p(t, count - 1), count)


def bootstrap_interval(values: Sequence[float], *, level: float = 0.95, draws: int = _DRAWS, seed: int = 0) -> Interval:
    """Return the percentile bootstrap interval of the mean of *values* (Efron 1979); repeatable by *seed*.

    Give it the differences of two models on the same pictures to learn whether 0 lies inside.

    Raises ValueError if there is no value, or the level is not between 0 and 1.
    """
    rows = np.asarray(values, np.float64).reshape(-1, 1)
    return _interval(rows, lambda sums: sums[:, 0] / len(rows), level, draws, seed)


def pooled_interval(
    pictures: Sequence[BinaryCounts], figure: str = "dice", *, level: float = 0.95, draws: int = _DRAWS, seed: int = 0
) -> Interval:
    """Return the bootstrap interval of a pooled figure ("dice" or "iou"): pictures are drawn anew, then pooled.

    Raises ValueError if there is no picture, the figure is another or the level is not between 0 and 1.
    """
    if figure not in ("dice", "iou"):
        raise ValueError(f"cannot bootstrap {figure!r}: expected 'dice' or 'iou'")
    weight = 2 if figure == "dice" else 1
    rows = np.array([(weight * each.tp, weight * each.tp + each.fp + each.fn) for each in pictures], np.float64)
    return _interval(rows.reshape(-1, 2), lambda sums: sums[:, 0] / np.maximum(sums[:, 1], 1), level, draws, seed)


def _interval(
    rows: NDArray[np.float64],
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    level: float,
    draws: int,
    seed: int,
) -> Interval:
    """Draw *rows* (n, m) with replacement, *draws* times; *figure* maps the sums (draws, m) to figures (draws,)."""
    if not len(rows) or not 0 < level < 1:
        raise ValueError(f"cannot bootstrap {len(rows)} values at level {level}: expected at least one, level 0 to 1")
    generator = np.random.default_rng(seed)
    even = np.full(len(rows), 1 / len(rows))
    figures = np.concatenate(
        [
            figure(generator.multinomial(len(rows), even, size=min(_BATCH, draws - start)).astype(np.float64) @ rows)
            for start in range(0, draws, _BATCH)
        ]
    )
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def _two_sided_p(t: float, degrees: int) -> float:
    try:
        from scipy.special import stdtr
    except ImportError as error:
        raise ToolMissing(
            "cannot test a difference: scipy is missing; install it with pip install 'skinseg-edge[export]'"
        ) from error
    return float(2 * stdtr(degrees, -abs(t)))
