"""A marker's scale: a lesion of 6.00 mm comes out at 6.00 mm, however the camera is held."""

import numpy as np
import pytest

from skinseg_edge.errors import InputError
from skinseg_runtime.measurements import Scale, measure, scale_from_card
from tests.runtime.measurements.drawn import ellipse
from tests.runtime.measurements.drawn_card import MARKER_MM, card_photo


@pytest.mark.parametrize("tilt", [-25, 0, 10, 20, 30])
def test_a_tilted_card_gives_millimetres_within_2_percent(tilt: int) -> None:
    shot = card_photo(tilt)
    scale = scale_from_card(shot.photo, MARKER_MM)
    (lesion,) = measure(shot.mask, shot.photo, scale)

    for name in ("max_diameter_mm", "min_diameter_mm", "equivalent_diameter_mm", "major_axis_mm", "minor_axis_mm"):
        assert getattr(lesion, name) == pytest.approx(6, rel=0.02), name
    assert lesion.perimeter_mm == pytest.approx(6 * np.pi, rel=0.02)
    assert lesion.area_mm2 == pytest.approx(9 * np.pi, rel=0.02)
    assert lesion.compactness == pytest.approx(1, abs=0.03)
    assert lesion.asymmetry < 0.02
    assert scale.source == "ArUco DICT_4X4_50 marker 7"
    assert scale.corners == pytest.approx(shot.corners, abs=0.5)  # px
    diameter = lesion.range_of("equivalent_diameter_mm")
    assert diameter is not None
    assert diameter[0] < 6 < diameter[1]
    assert (diameter[1] - diameter[0]) / 2 < 0.05 * 6


def test_one_factor_without_the_homography_would_be_wrong() -> None:
    shot = card_photo(20)
    scale = scale_from_card(shot.photo, MARKER_MM)
    (lesion,) = measure(shot.mask, scale=Scale(scale.mm_per_px, scale.relative_error, "the card's factor alone"))
    assert lesion.equivalent_diameter_mm is not None
    assert abs(lesion.equivalent_diameter_mm - 6) > 0.02 * 6


@pytest.mark.parametrize(("tilt", "is_steep"), [(10, False), (30, True)])
def test_the_tilt_is_told_and_flagged_beyond_20_degrees(tilt: int, is_steep: bool) -> None:
    scale = scale_from_card(card_photo(tilt).photo, MARKER_MM)
    assert scale.tilt_degrees == pytest.approx(
        tilt, abs=5
    )  # the marker lies off the middle, where the line of sight is another
    assert scale.is_steep is is_steep


def test_the_range_grows_with_the_distance_from_the_card() -> None:
    scale = scale_from_card(card_photo(10).photo, MARKER_MM)
    assert scale.corners is not None
    x, y = scale.corners.mean(axis=0)
    errors = [scale.relative_error_at((x + away, y + away)) for away in (0, 300, 900)]
    assert errors[0] == pytest.approx(scale.relative_error)
    assert errors[0] < errors[1] < errors[2]


def test_the_larger_of_two_prints_has_the_smaller_error_of_its_side() -> None:
    photo = card_photo(0).photo
    assert scale_from_card(photo, 24).relative_error < scale_from_card(photo, 12).relative_error


def test_a_photo_without_a_card_is_told() -> None:
    with pytest.raises(InputError, match="no marker of ArUco's DICT_4X4_50 was seen; lay the card flat"):
        scale_from_card(card_photo(0, has_card=False).photo, MARKER_MM)


@pytest.mark.parametrize("side", [0.0, -3.0, float("nan")])
def test_a_card_without_a_side_is_refused(side: float) -> None:
    with pytest.raises(InputError, match="expected more than 0; measure the print"):
        scale_from_card(np.zeros((40, 40, 3), np.uint8), side)


def test_a_lesion_beyond_the_planes_horizon_has_pixels_only() -> None:
    mask = np.zeros((200, 300), np.bool_)
    drawn = ellipse(40, 20)
    mask[50 : 50 + drawn.shape[0], 100 : 100 + drawn.shape[1]] = drawn
    horizon = np.array([[0.1, 0, 0], [0, 0.1, 0], [0, -1 / 80, 1]])  # y = 80 lies at infinity
    (lesion,) = measure(mask, scale=Scale(0.1, 0.02, "a steep card", homography=horizon))
    assert (lesion.area_mm2, lesion.scale, lesion.relative_error) == (None, None, None)
    assert lesion.to_json()["ranges"] == {}
    assert lesion.asymmetry < 0.02


def test_a_plane_that_is_seen_at_a_glance_does_not_fill_the_memory() -> None:
    glancing = np.array([[0.1, 0, 0], [0, 0.1, 0], [0, -1 / 201, 1]])  # the horizon is a pixel below the mask
    mask = np.zeros((200, 300), np.bool_)
    mask[40:199, 100:200] = True
    (lesion,) = measure(mask, scale=Scale(0.1, 0.02, "a steep card", homography=glancing))
    assert lesion.max_diameter_mm is not None
    assert lesion.max_diameter_mm > 500  # y = 198 px lies 1.3 m away


def test_a_plane_that_is_the_photo_itself_gives_the_same_figures_as_a_factor() -> None:
    mask = ellipse(90, 40, 30)
    (flat,) = measure(mask, scale=Scale(0.1, 0.02, "straight", homography=np.diag([0.1, 0.1, 1.0])))
    (plain,) = measure(mask, scale=Scale(0.1, 0.02, "factor"))
    for name in ("area_mm2", "perimeter_mm", "max_diameter_mm", "minor_axis_mm", "compactness", "asymmetry"):
        assert getattr(flat, name) == pytest.approx(getattr(plain, name), rel=1e-4, abs=1e-4), name
