"""How long a photo takes, stage by stage: percentiles of what was timed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["STAGES", "Latency"]

# In a photo's order; "whole" is the clock around all four, so it also holds what lies between them.
STAGES: tuple[str, ...] = ("decode", "preprocess", "inference", "postprocess", "whole")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Percentiles of one stage, in ms: half of the runs were at most *p50_ms*, 90 % at most *p90_ms*, and so on.

    With fewer than 100 runs the 99th percentile is close to the slowest run.

    >>> Latency.of([4.0, 1.0, 2.0, 3.0, 5.0])
    Latency(p50_ms=3.0, p90_ms=4.6, p99_ms=4.96)
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> "Latency":
        """Return the percentiles of some runs, interpolated linearly between the two nearest.

        Raises ValueError if samples_ms is empty.
        """
        if not samples_ms:
            raise ValueError("no run was timed, expected at least one")
        p50, p90, p99 = (round(float(value), 3) for value in np.percentile(samples_ms, (50, 90, 99)))
        return cls(p50_ms=p50, p90_ms=p90, p99_ms=p99)
