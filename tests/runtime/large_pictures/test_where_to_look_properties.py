"""Where crops and tiles lie, of any lesion in any photo: within the photo, over what they are for, never too many."""

import numpy as np
import pytest

from skinseg_runtime.large_pictures.closer import crop_around
from skinseg_runtime.large_pictures.first_look import Found
from skinseg_runtime.large_pictures.tiling import Grid, grid_for, tile_weight

pytest.importorskip("hypothesis", reason="hypothesis, which thinks up the lesions, is not installed")
from hypothesis import given, settings  # only where it is installed
from hypothesis import strategies as st  # only where it is installed

SIDES = st.integers(40, 9000)
INPUT_SIDES = st.integers(16, 512)


@st.composite
def found(draw: st.DrawFn) -> tuple[Found, tuple[int, int]]:
    rows, columns = draw(SIDES), draw(SIDES)
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    bottom, right = draw(st.integers(top + 1, rows)), draw(st.integers(left + 1, columns))
    return Found(draw(st.floats(0.0001, 1)), (top, left, bottom, right)), (rows, columns)


@settings(max_examples=300, deadline=None)
@given(found(), st.tuples(INPUT_SIDES, INPUT_SIDES))
def test_a_crop_lies_in_the_photo_and_holds_the_lesion(
    case: tuple[Found, tuple[int, int]], input_hw: tuple[int, int]
) -> None:
    seen, (rows, columns) = case
    crop = crop_around(seen, (rows, columns), input_hw)
    if isinstance(crop, str):
        return
    top, left, bottom, right = crop
    assert 0 <= top <= seen.box[0] < seen.box[2] <= bottom <= rows
    assert 0 <= left <= seen.box[1] < seen.box[3] <= right <= columns
    assert top % 8 == left % 8 == 0
    assert bottom % 8 == 0 or bottom == rows
    assert right % 8 == 0 or right == columns


@settings(max_examples=300, deadline=None)
@given(found(), st.tuples(INPUT_SIDES, INPUT_SIDES), st.integers(1, 256))
def test_tiles_are_few_lie_in_the_photo_and_have_as_many_pixels_as_the_network_takes(
    case: tuple[Found, tuple[int, int]], covered_hw: tuple[int, int], classes: int
) -> None:
    seen, (rows, columns) = case
    grid = grid_for(seen, (0, 0, rows, columns), covered_hw, classes)
    if isinstance(grid, str):
        return
    assert 2 <= grid.count <= 4
    assert classes * grid.map_hw[0] * grid.map_hw[1] <= 32_000_000
    for tile in grid.tiles((0, 0, rows, columns)):
        top, left, bottom, right = tile.photo_box
        assert 0 <= top < bottom <= rows
        assert 0 <= left < right <= columns
        assert bottom - top >= covered_hw[0] - 1  # a tile's ends are rounded
        assert right - left >= covered_hw[1] - 1


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 4), st.integers(3, 40), st.integers(3, 40))
def test_tiles_leave_no_pixel_of_the_joined_map_out(count: int, rows: int, columns: int) -> None:
    grid = Grid(count, (rows, columns))
    covered = np.zeros(grid.map_hw, np.float32)
    for tile in grid.tiles((0, 0, 4000, 3000)):
        top, left, bottom, right = tile.map_box
        covered[top:bottom, left:right] += tile_weight(grid.tile_hw)
    assert covered.min() > 0
