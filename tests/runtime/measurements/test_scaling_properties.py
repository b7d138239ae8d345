"""Pictures taken n times as large, and ellipses of any size, place and angle: what the figures must then be."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_runtime.measurements import measure
from tests.runtime.measurements.drawn import drawn

pytest.importorskip("hypothesis", reason="hypothesis, which thinks up the masks, is not installed")
from hypothesis import given, settings  # only where it is installed
from hypothesis import strategies as st  # only where it is installed

from tests.runtime.measurements.test_properties import masks  # which needs hypothesis, too


@given(masks(), st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_a_picture_n_times_as_large_has_n_times_the_lengths_and_n_squared_the_area(
    mask: NDArray[np.bool_], times: int
) -> None:
    before, after = measure(mask), measure(np.kron(mask, np.ones((times, times), np.bool_)))
    assert len(before) == len(after)
    for small, large in zip(before, after, strict=True):
        assert large.area_px == small.area_px * times**2
        assert large.equivalent_diameter_px == pytest.approx(small.equivalent_diameter_px * times)
        # A pixel counts as a square, so these are exact.
        assert large.major_axis_px == pytest.approx(small.major_axis_px * times, rel=1e-4)
        assert large.minor_axis_px == pytest.approx(small.minor_axis_px * times, rel=1e-4)
        assert large.centroid == pytest.approx([(side + 0.5) * times - 0.5 for side in small.centroid], abs=1e-3)
        # The hull cuts the corners of pixels, which are smaller in the larger picture.
        for name in ("max_diameter_px", "min_diameter_px"):
            assert -1e-3 <= getattr(large, name) - getattr(small, name) * times <= times
        # Crofton's four directions see a staircase of large pixels as longer.
        assert 0.99 <= large.perimeter_px / (small.perimeter_px * times) <= 1.4


@given(
    half_length=st.floats(10, 45),
    flatness=st.floats(0.25, 1),
    angle=st.floats(0, 180),
    offset=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
@settings(max_examples=60, deadline=None)
def test_an_ellipse_has_the_figures_of_an_ellipse(
    half_length: float, flatness: float, angle: float, offset: tuple[float, float]
) -> None:
    a, b = half_length, max(6.0, half_length * flatness)
    (lesion,) = measure(drawn(lambda x, y: (x / a) ** 2 + (y / b) ** 2 <= 1, a, angle, offset))

    off = ((a - b) / (a + b)) ** 2
    border = math.pi * (a + b) * (1 + 3 * off / (10 + math.sqrt(4 - 3 * off)))  # Ramanujan 1914
    # About twice what the worst of 1,500 chosen by chance was off; hypothesis looks for worse ones.
    assert lesion.area_px == pytest.approx(math.pi * a * b, abs=0.25 * border)
    assert lesion.perimeter_px == pytest.approx(border, rel=0.07)
    assert lesion.max_diameter_px == pytest.approx(2 * a, abs=1.9)
    assert lesion.min_diameter_px == pytest.approx(2 * b, abs=1.9)
    assert lesion.equivalent_diameter_px == pytest.approx(2 * math.sqrt(a * b), abs=0.5)
    assert lesion.major_axis_px == pytest.approx(2 * a, abs=1.2)
    assert lesion.minor_axis_px == pytest.approx(2 * b, abs=0.8)
    assert lesion.solidity > 0.87
    assert lesion.asymmetry < 0.12
