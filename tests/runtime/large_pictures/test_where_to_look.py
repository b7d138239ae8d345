"""How finely is looked, where tiles count, and what is decoded for it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract, ResizeRule
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import Placement, place
from skinseg_runtime.large_pictures.closer import mixed_with_first
from skinseg_runtime.large_pictures.first_look import Found
from skinseg_runtime.large_pictures.photo_parts import PhotoParts
from skinseg_runtime.large_pictures.tiling import Grid, grid_for, joined, nearness
from tests.runtime.large_pictures.body_shots import body_shot, jpeg


def test_a_small_lesion_is_tiled_finer_than_a_large_one() -> None:
    photo_box, covered_hw = (0, 0, 4000, 4000), (256, 256)
    grids = [grid_for(Found(0.1, (0, 0, side, side)), photo_box, covered_hw, 1) for side in (300, 500, 1500)]
    assert [grid.count for grid in grids if isinstance(grid, Grid)] == [4, 3, 2]  # 4000 / (2.5 * side), 2 to 4


def test_tiles_count_beside_the_outline_and_not_away_from_it() -> None:
    lesion = np.zeros((40, 60), np.bool_)
    lesion[10:30, 10:40] = True
    near = nearness(lesion, lesion.astype(np.float32))
    assert near[10, 20] == near[29, 20] == near[20, 10] == 1
    assert near[20, 25] == near[0, 59] == 0
    assert not nearness(np.zeros((40, 60), np.bool_), np.zeros((40, 60), np.float32)).any()


def test_where_tiles_do_not_count_the_whole_look_stays_to_the_bit() -> None:
    rng = np.random.default_rng(3)
    whole, tiles = rng.random((2, 1, 20, 30), np.float32)
    near = np.zeros((20, 30), np.float32)
    assert np.array_equal(joined(whole, tiles, near), whole)
    near[:] = 1
    assert np.allclose(joined(whole, tiles, near) ** 2, whole * tiles, atol=1e-6)


def test_a_part_is_decoded_no_finer_than_it_is_needed() -> None:
    data = jpeg(body_shot()[0])  # 768 x 1152
    first = decode(data, at_least_hw=(64, 96))
    assert first.reduction == 8
    parts = PhotoParts(data, first.pixels, first.full_hw, max_pixels=10_000_000)
    box = (192, 288, 576, 864)  # the middle half

    assert parts.part(box).shape == (48, 72, 3)
    parts.prepare(box, (40, 60))
    assert parts.part(box).shape == (48, 72, 3)
    parts.prepare(box, (64, 96))
    assert parts.part(box).shape == (96, 144, 3)
    parts.prepare(box, (5000, 5000))
    assert parts.part(box).shape == (384, 576, 3)
    assert np.array_equal(parts.part(box), decode(data).pixels[192:576, 288:864])


@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
def test_both_looks_are_mixed_where_they_show_the_same_place(resize: ResizeRule) -> None:
    # Maps whose values are places in the photo: mixed at the same place, they stay what they were.
    contract = ModelContract(input_hw=(64, 96), resize=resize)
    whole, within = place((480, 640), contract), place((120, 160), contract)
    top, left, bottom, right = within.photo_box
    crop = replace(within, photo_hw=(480, 640), photo_box=(top + 200, left + 304, bottom + 200, right + 304))
    y0, x0, y1, x1 = whole.input_box

    mixed = mixed_with_first(places(crop), crop, places(whole)[:, y0:y1, x0:x1], whole.photo_box)

    y0, x0, y1, x1 = crop.input_box
    assert np.allclose(mixed[:, y0:y1, x0:x1], places(crop)[:, y0:y1, x0:x1], atol=0.2)  # px of the photo


def places(placement: Placement) -> NDArray[np.float32]:
    """Return (2, input rows, input columns): y and x in the photo, px, under the centre of each pixel of a map."""
    first_y, first_x, last_y, last_x = placement.photo_box
    top, left, bottom, right = placement.input_box
    rows, columns = placement.input_hw
    y = first_y + (np.arange(rows) + 0.5 - top) * (last_y - first_y) / (bottom - top) - 0.5
    x = first_x + (np.arange(columns) + 0.5 - left) * (last_x - first_x) / (right - left) - 0.5
    return np.stack(np.meshgrid(y, x, indexing="ij")).astype(np.float32)
