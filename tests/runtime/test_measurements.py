"""Outlines and sizes, against figures that can be told by hand."""

import json
import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_runtime.measurements import Lesion, measure


def filled(hw: tuple[int, int], *boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(hw, np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def disc(radius: float) -> NDArray[np.bool_]:
    side = math.ceil(radius) + 5
    y, x = np.mgrid[-side : side + 1, -side : side + 1]
    return np.asarray(x**2 + y**2 <= radius**2, np.bool_)


def only(lesions: tuple[Lesion, ...]) -> Lesion:
    (lesion,) = lesions
    return lesion


def test_an_empty_mask_has_no_lesion() -> None:
    assert measure(np.zeros((5, 7), np.bool_)) == ()


def test_a_rectangle_has_the_figures_of_a_rectangle() -> None:
    lesion = only(measure(filled((30, 40), (5, 7, 15, 11))))

    assert lesion.polygon.dtype == np.float32
    assert lesion.polygon.tolist() == [[5, 7], [14, 7], [14, 10], [5, 10]]  # clockwise on screen, pixel centres
    assert lesion.box == (5, 7, 15, 11)
    assert lesion.area_px == 40
    # Lines through pixels cross the border twice each: 10 + 4 straight ones, and 13 along either diagonal.
    assert lesion.perimeter_px == pytest.approx(math.pi / 8 * (2 * 14 + 2 * 26 / math.sqrt(2)))
    assert lesion.centroid == (9.5, 8.5)
    assert lesion.min_diameter_px == pytest.approx(4)
    # The farthest sides' middles: (9 + 1, 3) apart.
    assert lesion.max_diameter_px == pytest.approx(math.hypot(10, 3))
    assert not lesion.touches_border
    assert lesion.max_diameter_mm is None


@pytest.mark.parametrize(("box", "longest", "shortest"), [((3, 3, 4, 4), 1, math.sqrt(0.5)), ((3, 3, 13, 4), 10, 1)])
def test_a_single_pixel_and_a_line_have_sizes(box: tuple[int, int, int, int], longest: float, shortest: float) -> None:
    lesion = only(measure(filled((20, 20), box)))
    assert lesion.max_diameter_px == pytest.approx(longest)
    assert lesion.min_diameter_px == pytest.approx(shortest, abs=0.11)


@pytest.mark.parametrize("radius", [10.3, 50.5, 200.2])
def test_a_disc_has_the_figures_of_a_circle(radius: float) -> None:
    lesion = only(measure(disc(radius)))
    assert lesion.area_px == pytest.approx(math.pi * radius**2, rel=0.03)
    assert lesion.max_diameter_px == pytest.approx(2 * radius, abs=1)
    assert lesion.min_diameter_px == pytest.approx(2 * radius, abs=1)
    assert lesion.perimeter_px == pytest.approx(2 * math.pi * radius, rel=0.01)


def test_the_filled_polygon_gives_the_region_back() -> None:
    mask = disc(23) & ~filled((57, 57), (25, 0, 33, 20))
    polygon = np.rint(only(measure(mask)).polygon).astype(np.int32)
    again = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [polygon], 1)
    assert np.array_equal(again == 1, mask)


@pytest.mark.parametrize("angle", range(0, 180, 30))
def test_polygons_run_clockwise_on_screen(angle: int) -> None:
    drawn = cv2.ellipse(np.zeros((90, 90), np.uint8), (45, 45), (30, 12), angle, 0, 360, 1, -1)
    x, y = only(measure(drawn == 1)).polygon.T
    assert float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) > 0


def test_several_regions_come_largest_first_and_know_the_border() -> None:
    mask = filled((30, 40), (0, 3, 4, 6), (10, 10, 20, 20), (30, 25, 35, 30))
    lesions = measure(mask)
    assert [lesion.area_px for lesion in lesions] == [100, 25, 12]
    assert [lesion.touches_border for lesion in lesions] == [False, True, True]


def test_many_patches_one_within_the_box_of_another_are_measured_as_if_alone() -> None:
    frame = filled((60, 80), (5, 5, 75, 55)) & ~filled((60, 80), (8, 8, 72, 52))
    patches = [filled((60, 80), (x, y, x + 3, y + 2 + x % 5)) for x in range(10, 68, 6) for y in range(10, 44, 8)]

    found = measure(np.logical_or.reduce([frame, *patches]))

    alone = sorted(
        (only(measure(patch)) for patch in (frame, *patches)),
        key=lambda lesion: (-lesion.area_px, lesion.box[1], lesion.box[0]),
    )
    assert len(found) == 51
    assert [lesion.to_json() for lesion in found] == [lesion.to_json() for lesion in alone]


def test_pixels_that_touch_over_a_corner_are_one_region() -> None:
    assert len(measure(filled((9, 9), (1, 1, 3, 3), (3, 3, 5, 5)))) == 1


def test_json_holds_whole_pixels_and_nulls_for_millimetres() -> None:
    document = json.loads(json.dumps(only(measure(filled((30, 40), (5, 7, 15, 11)))).to_json()))
    assert document["polygon"] == [[5, 7], [14, 7], [14, 10], [5, 10]]
    assert document["max_diameter_px"] == 10.44
    assert document["area_mm2"] is None
    assert document["box"] == [5, 7, 15, 11]


def test_what_is_no_mask_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a mask is \(H, W\) bool, got \(3, 3\) uint8"):
        measure(np.zeros((3, 3), np.uint8))  # pyright: ignore[reportArgumentType]  # that is the test
