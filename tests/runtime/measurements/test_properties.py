"""What holds for any mask, tried on masks that hypothesis thinks up."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_runtime.measurements import Lesion, measure, scale_from_mm_per_px

pytest.importorskip("hypothesis", reason="hypothesis, which thinks up the masks, is not installed")
from hypothesis import given, settings  # only where it is installed
from hypothesis import strategies as st  # only where it is installed

_SIDE = 48

_boxes = st.tuples(*(st.integers(2, _SIDE - 12), st.integers(2, _SIDE - 12), st.integers(1, 10), st.integers(1, 10)))


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Some rectangles with a margin of two pixels, one of them cut out: regions, bridges over corners, holes."""
    mask = np.zeros((_SIDE, _SIDE), np.bool_)
    for x, y, width, height in draw(st.lists(_boxes, min_size=1, max_size=6)):
        mask[y : y + height, x : x + width] = True
    if draw(st.booleans()):
        x, y, width, height = draw(_boxes)
        mask[y : y + height, x : x + width] = False
    return mask


def figures(lesion: Lesion) -> list[float]:
    names = ("area_px", "perimeter_px", "max_diameter_px", "min_diameter_px", "major_axis_px", "minor_axis_px")
    return [float(getattr(lesion, name)) for name in (*names, "compactness", "solidity")]


def sorted_figures(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array(sorted(figures(lesion) for lesion in measure(mask))).round(6)


@given(masks())
@settings(max_examples=80, deadline=None)
def test_regions_share_out_the_mask(mask: NDArray[np.bool_]) -> None:
    again = np.zeros_like(mask)
    for lesion in measure(mask):
        x0, y0, x1, y1 = lesion.box
        assert not (again[y0:y1, x0:x1] & lesion.region).any()
        again[y0:y1, x0:x1] |= lesion.region
    assert np.array_equal(again, mask)


@given(masks())
@settings(max_examples=80, deadline=None)
def test_figures_keep_their_order_and_their_bounds(mask: NDArray[np.bool_]) -> None:
    for lesion in measure(mask):
        x0, y0, x1, y1 = lesion.box
        assert 0 < lesion.min_diameter_px <= lesion.max_diameter_px <= math.hypot(x1 - x0, y1 - y0) + 1e-6
        assert 0 < lesion.minor_axis_px <= lesion.major_axis_px
        assert 0 < lesion.solidity <= 1
        assert 0 <= lesion.asymmetry <= 1
        assert lesion.perimeter_px > 0
        assert x0 <= lesion.centroid[0] <= x1 - 1
        assert y0 <= lesion.centroid[1] <= y1 - 1
        assert (lesion.polygon.min(axis=0) == (x0, y0)).all()
        assert (lesion.polygon.max(axis=0) == (x1 - 1, y1 - 1)).all()


@given(masks(), *(st.integers(0, 2) for _ in range(4)))
@settings(max_examples=40, deadline=None)
def test_a_box_that_holds_the_mask_spares_the_search_and_changes_nothing(
    mask: NDArray[np.bool_], top: int, left: int, bottom: int, right: int
) -> None:
    rows, columns = np.nonzero(mask | ~mask.any())  # all of it where it is empty
    box = (
        max(0, int(rows.min()) - top),
        max(0, int(columns.min()) - left),
        int(rows.max()) + 1 + bottom,
        int(columns.max()) + 1 + right,
    )
    plain, spared = measure(mask), measure(mask, within=box)
    assert [lesion.to_json() for lesion in spared] == [lesion.to_json() for lesion in plain]


@given(masks(), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_mask_that_is_moved_has_the_same_figures(mask: NDArray[np.bool_], right: int, down: int) -> None:
    assert np.allclose(sorted_figures(np.pad(mask, ((down, 3), (right, 0)))), sorted_figures(mask), atol=1e-4)


@given(masks(), st.integers(0, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_quarter_turns_and_mirrors_change_nothing(mask: NDArray[np.bool_], turns: int, mirrored: bool) -> None:
    turned = np.rot90(np.fliplr(mask) if mirrored else mask, turns)
    assert np.allclose(sorted_figures(turned), sorted_figures(mask), atol=1e-4)


@given(masks(), st.floats(1e-3, 10))
@settings(max_examples=40, deadline=None)
def test_millimetres_go_with_pixels(mask: NDArray[np.bool_], mm_per_px: float) -> None:
    for lesion in measure(mask, scale=scale_from_mm_per_px(mm_per_px)):
        assert lesion.area_mm2 == pytest.approx(lesion.area_px * mm_per_px**2)
        assert lesion.max_diameter_mm == pytest.approx(lesion.max_diameter_px * mm_per_px)
