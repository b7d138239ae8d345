"""Scales given by hand: what they carry into a lesion's figures, and how sure they are."""

import json
import math

import numpy as np
import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.measurements import Scale, measure, scale_from_mm_per_px, scale_from_ruler
from skinseg_runtime.measurements.scale import scale_from_corners
from tests.runtime.measurements.drawn import ellipse, potato


def test_a_factor_turns_pixels_into_millimetres_and_leaves_ratios_alone() -> None:
    mask = potato(60)
    (plain,), (scaled,) = measure(mask), measure(mask, scale=scale_from_mm_per_px(0.05))
    names = ("perimeter", "max_diameter", "min_diameter", "equivalent_diameter", "major_axis", "minor_axis")
    for name in names:
        assert getattr(scaled, f"{name}_mm") == pytest.approx(getattr(plain, f"{name}_px") * 0.05)
        assert getattr(plain, f"{name}_mm") is None
    assert scaled.area_mm2 == pytest.approx(plain.area_px * 0.0025)
    assert (scaled.compactness, scaled.solidity, scaled.asymmetry) == (
        plain.compactness,
        plain.solidity,
        plain.asymmetry,
    )


def test_the_range_of_an_area_goes_with_the_square_of_a_lengths() -> None:
    (lesion,) = measure(ellipse(50, 50), scale=scale_from_mm_per_px(0.1, relative_error=0.02))
    assert lesion.max_diameter_mm is not None
    assert lesion.area_mm2 is not None
    assert lesion.range_of("max_diameter_mm") == pytest.approx(
        (lesion.max_diameter_mm * 0.98, lesion.max_diameter_mm * 1.02)
    )
    assert lesion.range_of("area_mm2") == pytest.approx((lesion.area_mm2 * 0.98**2, lesion.area_mm2 * 1.02**2))
    (unscaled,) = measure(ellipse(50, 50))
    assert unscaled.range_of("area_mm2") is None


def test_json_has_unit_range_and_source_of_every_figure_in_millimetres() -> None:
    (lesion,) = measure(ellipse(50, 25), scale=scale_from_mm_per_px(0.1))
    document = json.loads(json.dumps(lesion.to_json(), allow_nan=False))
    in_mm = {name for name in document if name.endswith(("_mm", "_mm2"))}
    assert len(in_mm) == 7
    assert set(document["ranges"]) == in_mm
    assert all(low < document[name] < high for name, (low, high) in document["ranges"].items())
    assert document["scale"] == {
        "source": "mm per pixel, given by hand",
        "mm_per_px": 0.1,
        "relative_error": 0.1,
        "tilt_degrees": None,
        "is_steep": False,
    }
    assert document["perimeter_estimator"] == "Crofton, 4 directions"


def test_no_figure_is_a_score_of_risk() -> None:
    document = measure(ellipse(50, 25), np.zeros((*ellipse(50, 25).shape, 3), np.uint8))[0].to_json()
    words = json.dumps(document).lower()
    assert not [word for word in ("risk", "score", "malign", "melanoma", "tds", "abcd") if word in words]


def test_a_ruler_gives_its_factor_and_a_wider_range_over_a_shorter_length() -> None:
    long, short = scale_from_ruler((100, 50), (400, 450), 50), scale_from_ruler((100, 50), (106, 58), 1)
    assert long.mm_per_px == short.mm_per_px == pytest.approx(0.1)
    # A pixel at each end of 500, a quarter of 50 mm's millimetre, and the tilt that nobody sees.
    assert long.relative_error == pytest.approx(math.sqrt(2 / 500**2 + (0.25 / 50) ** 2 + 0.1**2))
    assert short.relative_error > 0.25


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf])
def test_a_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match=r"cannot use the scale: a scale of .* mm/px .* is none; expected more than 0"):
        scale_from_mm_per_px(factor)


@pytest.mark.parametrize(
    ("end", "distance", "words"),
    [((10, 10), 5, "5 mm lie over 0.0 px"), ((90, 10), 0, "0 mm lie over 80.0 px"), ((11, 10), 1, "too short to be")],
)
def test_a_ruler_without_a_length_is_refused(end: tuple[float, float], distance: float, words: str) -> None:
    with pytest.raises(InputError, match=f"cannot read the scale from a ruler: .*{words}.*; set the points on two"):
        scale_from_ruler((10, 10), end, distance)


@pytest.mark.parametrize(
    "corners",
    [[(0, 0), (50, 0), (100, 0), (150, 0)], [(0, 0), (50, 50), (50, 0), (0, 50)], [(0, 0), (3, 0), (3, 3), (0, 3)]],
    ids=["in a line", "crossed", "tiny"],
)
def test_corners_that_are_no_picture_of_a_square_are_refused(corners: list[tuple[int, int]]) -> None:
    with pytest.raises(
        InputError, match=r"cannot read the scale from the print: its corners \[\[0, 0\].* photograph the"
    ):
        scale_from_corners(np.array(corners, np.float64), 20, "print")


def test_a_scale_of_ones_own_is_checked() -> None:
    with pytest.raises(ValueError, match=r"a relative error of 1\.5 is none"):
        Scale(0.1, 1.5, "a coin")
