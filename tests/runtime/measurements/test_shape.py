"""Figures of shape, against formulas, under rotation, and against scikit-image where it is installed."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_runtime.measurements import Lesion, measure
from tests.runtime.measurements.drawn import ellipse, polygon, potato, star, triangle


def only(mask: NDArray[np.bool_]) -> Lesion:
    (lesion,) = measure(mask)
    return lesion


@pytest.mark.parametrize("radius", [10.3, 50.5, 200.2])
def test_a_disc_is_compact_solid_and_symmetric(radius: float) -> None:
    lesion = only(ellipse(radius, radius))
    assert lesion.compactness == pytest.approx(1, abs=0.03)
    assert lesion.solidity == pytest.approx(1, abs=0.025)
    assert lesion.asymmetry < (0.04 if radius < 32 else 0.01)  # as `folding` promises
    assert lesion.equivalent_diameter_px == pytest.approx(2 * radius, rel=0.01)
    assert lesion.major_axis_px == pytest.approx(2 * radius, rel=0.01)
    assert lesion.minor_axis_px == pytest.approx(2 * radius, rel=0.01)


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_an_ellipse_has_its_axes_at_every_angle(angle: int) -> None:
    lesion = only(ellipse(120, 50, angle))
    assert lesion.major_axis_px == pytest.approx(240, rel=0.005)
    assert lesion.minor_axis_px == pytest.approx(100, rel=0.005)
    assert lesion.max_diameter_px == pytest.approx(240, abs=1.5)
    assert lesion.min_diameter_px == pytest.approx(100, abs=1.5)
    assert lesion.perimeter_px == pytest.approx(559.26, rel=0.02)  # pi (3 (a + b) - sqrt((3 a + b) (a + 3 b)))
    assert lesion.asymmetry < 0.01


@pytest.mark.parametrize("angle", [0, 11, 45, 70])
def test_a_star_has_the_area_the_border_and_the_solidity_of_a_star(angle: int) -> None:
    lesion = only(polygon(star(200, 90), angle))

    area = 5 * 200 * 90 * math.sin(math.pi / 5)  # ten triangles
    side = math.hypot(200 - 90 * math.cos(math.pi / 5), 90 * math.sin(math.pi / 5))
    pentagon = 2.5 * 200**2 * math.sin(2 * math.pi / 5)
    assert lesion.area_px == pytest.approx(area, rel=0.01)
    assert lesion.perimeter_px == pytest.approx(10 * side, rel=0.03)
    assert lesion.solidity == pytest.approx(area / pentagon, rel=0.02)
    assert lesion.compactness == pytest.approx((10 * side) ** 2 / (4 * math.pi * area), rel=0.06)


@pytest.mark.parametrize("angle", [0, 30, 45, 75])
def test_a_long_triangle_folds_onto_itself_about_one_axis_and_by_two_thirds_about_the_other(angle: int) -> None:
    # Reflected at its centroid's height, a third of a triangle finds no counterpart: (0 + 1/3) / 2.
    assert only(polygon(triangle(150, 300), angle)).asymmetry == pytest.approx(1 / 6, abs=0.01)


def test_figures_hardly_change_when_the_lesion_turns() -> None:
    turned = [only(potato(150, angle)) for angle in range(0, 360, 20)]
    tolerances = {
        "perimeter_px": 0.02,
        "max_diameter_px": 0.01,
        "min_diameter_px": 0.015,
        "equivalent_diameter_px": 0.002,
    }
    tolerances |= {"major_axis_px": 0.005, "minor_axis_px": 0.005, "compactness": 0.04, "solidity": 0.01}
    for name, tolerance in tolerances.items():
        figures = [getattr(lesion, name) for lesion in turned]
        assert max(figures) / min(figures) - 1 < tolerance, name
    asymmetries = [lesion.asymmetry for lesion in turned]
    assert min(asymmetries) > 0.05
    assert max(asymmetries) - min(asymmetries) < 0.01


def test_asymmetry_on_the_grid_is_that_of_all_pixels() -> None:
    # 64 px wide and larger: within the 0.01 that the module promises, of what 1,600 px give.
    finest = only(potato(1000)).asymmetry
    assert [only(potato(size)).asymmetry for size in (40, 100, 250, 600)] == pytest.approx([finest] * 4, abs=0.01)
    assert only(potato(12)).asymmetry == pytest.approx(finest, abs=0.04)


def test_a_hole_counts_for_the_border_and_not_for_the_area() -> None:
    ring = ellipse(60, 60)
    hole = np.zeros_like(ring)
    inner = ellipse(30, 30)
    start = (ring.shape[0] - inner.shape[0]) // 2
    hole[start : start + inner.shape[0], start : start + inner.shape[1]] = inner
    lesion = only(ring & ~hole)
    assert lesion.area_px == int(ring.sum()) - int(inner.sum())
    assert lesion.perimeter_px == pytest.approx(2 * math.pi * 90, rel=0.01)


def test_a_lesion_in_the_hole_of_another_is_measured_by_itself() -> None:
    mask = ellipse(60, 60)
    hole = ellipse(40, 40)
    island = ellipse(10, 10)
    middle = mask.shape[0] // 2
    for shape, value in ((hole, False), (island, True)):
        half = shape.shape[0] // 2
        mask[middle - half : middle + half + 1, middle - half : middle + half + 1][shape] = value
    outer, inner = measure(mask)
    assert inner.area_px == int(island.sum())
    assert outer.area_px == int(mask.sum()) - int(island.sum())
    assert np.array_equal(inner.region, only(island).region)


def test_scikit_image_finds_the_same_perimeter_axes_and_solidity() -> None:
    skimage = pytest.importorskip("skimage.measure", reason="scikit-image, which figures are held against, is missing")
    for mask in (potato(80, 33), polygon(star(70, 30), 5), ellipse(40, 11, 20)):
        lesion = only(mask)
        (theirs,) = skimage.regionprops(mask.astype(np.uint8))
        assert lesion.perimeter_px == pytest.approx(skimage.perimeter_crofton(mask, directions=4), rel=1e-9)
        assert lesion.solidity == pytest.approx(theirs.solidity, rel=0.01)
        assert lesion.major_axis_px == pytest.approx(theirs.axis_major_length, rel=0.001)
        assert lesion.minor_axis_px == pytest.approx(theirs.axis_minor_length, rel=0.005)
