"""Shapes are filled exactly: areas are right, and neighbours neither overlap nor leave a gap."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.polygons import fill_circle, fill_polygon, lay_mask


def _filled(points: list[tuple[float, float]], hw: tuple[int, int] = (6, 8)) -> NDArray[np.uint8]:
    canvas = np.zeros(hw, np.uint8)
    fill_polygon(canvas, np.array(points, np.float64), 1)
    return canvas


def _by_definition(points: NDArray[np.float64], hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Ask for each pixel centre how many edges lie to its right."""
    inside = np.zeros(hw, np.uint8)
    for row in range(hw[0]):
        for column in range(hw[1]):
            x, y = column + 0.5, row + 0.5
            for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
                if (y0 <= y) != (y1 <= y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x:
                    inside[row, column] ^= 1
    return inside


def test_a_rectangle_on_pixel_borders_fills_just_its_pixels() -> None:
    expected = np.zeros((6, 8), np.uint8)
    expected[1:4, 2:7] = 1
    assert np.array_equal(_filled([(2, 1), (7, 1), (7, 4), (2, 4)]), expected)
    assert np.array_equal(_filled([(2, 4), (7, 4), (7, 1), (2, 1)]), expected)  # the other way round


@pytest.mark.parametrize("seed", range(12))
def test_any_polygon_equals_its_definition_also_beyond_the_canvas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-6, -5), (26, 20), (int(rng.integers(3, 12)), 2))
    canvas = np.zeros((15, 20), np.uint8)
    fill_polygon(canvas, points, 1)
    assert np.array_equal(canvas, _by_definition(points, (15, 20)))


@pytest.mark.parametrize("seed", range(8))
def test_triangles_around_a_point_tile_the_canvas_without_gap_or_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.uniform(5, 25, 2).round(int(rng.integers(0, 4)))
    rim = np.array([(-9, -9), (15, -9), (40, -9), (40, 13.5), (40, 40), (3, 40), (-9, 40), (-9, 11)], np.float64)
    count = np.zeros((30, 30), np.uint8)
    for one, other in zip(rim, np.roll(rim, -1, axis=0), strict=True):
        canvas = np.zeros_like(count)
        fill_polygon(canvas, np.array([centre, one, other]), 1)
        count += canvas
    assert (count == 1).all()


@pytest.mark.parametrize(
    "points",
    [
        [(1.0, 1.0), (5.0, 1.0), (3.0, 1.0)],  # a line
        [(3.0, 3.0)] * 3,  # a point
        [(20.0, 1.0), (30.0, 1.0), (25.0, 5.0)],  # right of the canvas
        [(1.0, -9.0), (5.0, -9.0), (3.0, -1.0)],  # above it
    ],
)
def test_what_encloses_no_pixel_centre_fills_nothing(points: list[tuple[float, float]]) -> None:
    assert not _filled(points).any()


def test_what_an_outline_encloses_twice_is_outside() -> None:
    square = [(1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0)]
    assert not _filled(square + square).any()
    assert _filled(square).sum() == 16


def test_a_circle_has_its_area_and_is_cut_off_at_the_canvas() -> None:
    canvas = np.zeros((200, 200), np.uint8)
    fill_circle(canvas, (100, 90), 60.0, 3)
    assert (canvas == 3).sum() == pytest.approx(np.pi * 60**2, rel=2e-3)
    assert np.argwhere(canvas == 3).min(axis=0).tolist() == [30, 40]
    quarter = np.zeros((50, 50), np.uint8)
    fill_circle(quarter, (0, 0), 40.0, 1)
    assert quarter.sum() == pytest.approx(np.pi * 40**2 / 4, rel=5e-3)


@pytest.mark.parametrize("corner", [(0, 0), (2, 3), (-1, -1), (4, 6), (-9, 0), (9, 9)])
def test_a_mask_is_laid_at_its_corner_and_cut_off_at_the_canvas(corner: tuple[int, int]) -> None:
    mask = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], np.bool_)
    wide = np.zeros((40, 40), np.uint8)
    wide[10 + corner[0] : 13 + corner[0], 10 + corner[1] : 13 + corner[1]] = mask * 4
    canvas = np.zeros((6, 8), np.uint8)
    lay_mask(canvas, mask, corner, 4)
    assert np.array_equal(canvas, wide[10:16, 10:18])
