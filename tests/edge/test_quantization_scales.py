"""The step of 8-bit numbers: enough for the largest value, exact in half precision, never too small for it."""

import numpy as np
import pytest

from skinseg_edge.quantization_scales import QUANTIZED_LIMIT, SMALLEST_SCALE, half_scale

REACHES = np.exp(np.random.default_rng(3).uniform(np.log(1e-6), np.log(8e6), 20_000)).astype(np.float32)


def test_a_scale_is_exact_in_half_precision() -> None:
    scales = half_scale(REACHES)
    assert scales.dtype == np.float32
    assert np.array_equal(scales.astype(np.float16).astype(np.float32), scales)


def test_a_scale_reaches_the_largest_value_and_is_the_smallest_half_number_that_does() -> None:
    scales = half_scale(REACHES).astype(np.float64)
    wanted = np.maximum(REACHES / np.float32(QUANTIZED_LIMIT), np.float32(SMALLEST_SCALE)).astype(np.float64)
    below = np.nextafter(scales.astype(np.float16), np.float16(0)).astype(np.float64)
    assert (scales >= wanted).all()
    assert (below < wanted).all()


def test_the_smallest_scale_keeps_all_bits_of_half_precision() -> None:
    smallest = half_scale(0.0)
    assert smallest >= SMALLEST_SCALE
    assert smallest > np.finfo(np.float16).smallest_normal


def test_a_number_gives_a_number_and_an_array_its_shape() -> None:
    assert half_scale(254.0) == 2.0
    assert half_scale(np.full((2, 3), 12.7)).shape == (2, 3)
    assert half_scale(0.3) == half_scale(np.array([0.3]))[0]


def test_the_largest_half_number_is_still_a_scale() -> None:
    assert half_scale(65504.0 * 127) == 65504.0


@pytest.mark.parametrize("reach", [-1.0, np.nan, np.inf, 65504.0 * 128])
def test_what_half_precision_cannot_hold_is_refused(reach: float) -> None:
    with pytest.raises(ValueError, match=r"cannot scale values up to .* to 8 bits: expected 0 or more and at most"):
        half_scale(np.array([1.0, reach]))
