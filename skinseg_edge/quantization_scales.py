"""The step between two signed 8-bit numbers: one rule for training, export and whoever checks a file.

Symmetric: zero is 0 and the numbers run from -127 to 127, so a value's largest magnitude decides its step. Every step
is a number that half precision holds exactly; the parts of a file around the 8-bit ones may then be single or half,
and both quantize alike.
"""

from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_REACH", "QUANTIZED_LIMIT", "SMALLEST_SCALE", "half_scale"]

QUANTIZED_LIMIT = 127
LARGEST_REACH = 65504.0 * QUANTIZED_LIMIT  # the largest number of half precision is the largest step
SMALLEST_SCALE = 6.2e-5  # half precision holds numbers from 6.104e-5 on with all their bits

_HALF_BITS = 11  # of a significand in half precision, the leading one among them


@overload
def half_scale(reach: float) -> np.float32: ...
@overload
def half_scale(reach: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]: ...
def half_scale(reach: float | NDArray[np.float32] | NDArray[np.float64]) -> np.float32 | NDArray[np.float32]:
    """Return the step at which values up to *reach* in magnitude fit into -127 to 127, float32 of the same shape.

    It is reach / 127 rounded up to a number of half precision, and 6.2e-5 (rounded up) at least.

    Raises ValueError unless 0 <= reach / 127 <= 65504, the range of half precision.

    >>> print(half_scale(127.0), half_scale(0.0))
    1.0 6.2048435e-05
    """
    step = np.asarray(reach, np.float32) / np.float32(QUANTIZED_LIMIT)
    if not ((step >= 0) & (step <= LARGEST_REACH / QUANTIZED_LIMIT)).all():  # NaN fails as well
        raise ValueError(
            f"cannot scale values up to {reach} to 8 bits: expected 0 or more and at most {LARGEST_REACH:.4g}"
        )
    significand, exponent = np.frexp(np.maximum(step, np.float32(SMALLEST_SCALE)))  # in [0.5, 1)
    rounded = np.ldexp(np.ceil(np.ldexp(significand, _HALF_BITS)), exponent - _HALF_BITS).astype(np.float32)
    return np.float32(rounded) if rounded.ndim == 0 else rounded
