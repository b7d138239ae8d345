"""The drawn outline: where it is, how wide, and what it leaves alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.class_colours import class_colours
from skinseg_runtime.overlay import LIGHT, draw, draw_classes
from tests.runtime.tiny_bundle import photo_and_mask


def test_the_outline_lies_on_the_edge_and_inside_and_outside_stay() -> None:
    photo, mask = photo_and_mask()
    before = photo.copy()

    drawn = draw(photo, mask)

    changed = (drawn != before).any(axis=2)
    assert np.array_equal(photo, before)
    near = np.zeros_like(mask)
    for dy in range(-6, 7):
        for dx in range(-6, 7):
            near |= np.roll(mask, (dy, dx), (0, 1)) != mask
    assert changed.any()
    assert not (changed & ~near).any()
    assert 0.002 < changed.mean() < 0.05


def test_the_line_is_light_on_dark_and_antialiased() -> None:
    photo, mask = photo_and_mask((480, 640))
    drawn = draw(photo, mask).astype(int)
    changed = (drawn != photo).any(axis=2)
    to_light = np.abs(drawn - np.array(LIGHT)).sum(axis=2)[changed]
    darkness = drawn.sum(axis=2)[changed]
    assert (to_light < 30).any()
    assert (darkness < 120).any()
    assert len(np.unique(drawn[changed], axis=0)) > 50  # an outline without steps has many tones


@pytest.mark.parametrize("hw", [(96, 128), (480, 640), (1500, 2000)])
def test_the_width_grows_with_the_photo(hw: tuple[int, int]) -> None:
    photo, mask = photo_and_mask(hw)
    row = mask[:, round(hw[1] * 0.62)].nonzero()[0][0]
    column = (draw(photo, mask) != photo).any(axis=2)[:, round(hw[1] * 0.62)]
    width = int(column[: row + hw[0] // 10].sum())
    # Light line: diagonal / 500, at least 1.5 px; the dark one is 2.2 times as wide, plus a pixel of antialiasing.
    assert width == pytest.approx(2.2 * max(1.5, float(np.hypot(*hw)) / 500) + 1, abs=2.5)


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_without_an_edge_draws_nothing(value: bool) -> None:
    photo, _ = photo_and_mask()
    assert np.array_equal(draw(photo, np.full(photo.shape[:2], value)), photo)


def test_a_lesion_that_leaves_the_photo_has_no_line_along_the_border() -> None:
    photo = np.full((100, 100, 3), 150, np.uint8)
    mask = np.zeros((100, 100), np.bool_)
    mask[:, :50] = True
    changed = (draw(photo, mask) != photo).any(axis=2)
    assert not changed[:, :40].any()
    assert changed[:, 49].all()


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the photo is \(9, 9, 3\), the mask \(9, 8\)"):
        draw(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8), np.bool_))


CLASSES = ("BACKGROUND", "ET", "HHB")


def half_and_half(hw: tuple[int, int] = (240, 320)) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a photo of one grey; its left half is background, its right one class 2."""
    class_map = np.zeros(hw, np.uint8)
    class_map[:, hw[1] // 2 :] = 2
    return np.full((*hw, 3), 150, np.uint8), class_map


def test_classes_are_tinted_the_background_is_not_and_the_edge_has_the_full_colour() -> None:
    photo, class_map = half_and_half()
    colour = class_colours(3)[2].astype(float)

    panel = draw_classes(photo, class_map, CLASSES)

    assert (photo == 150).all()
    assert (panel[:240, :160] == 150).all()
    assert np.abs(panel[:240, 170:320] - (0.6 * 150 + 0.4 * colour)).max() < 1
    assert (panel[:240, 160] == colour).all()


def test_the_legend_below_names_only_classes_that_occur() -> None:
    photo, class_map = half_and_half()
    colours = class_colours(3)

    legend = draw_classes(photo, class_map, CLASSES)[240:]

    assert (legend == colours[2]).all(axis=2).sum() >= 100  # a swatch of at least 10 x 10 px
    assert not (legend == colours[1]).all(axis=2).any()
    assert (legend.max(axis=2) < 100).any()  # ink


def test_without_any_class_but_the_background_the_photo_stays_as_it_is() -> None:
    photo, _ = half_and_half()
    assert np.array_equal(draw_classes(photo, np.zeros((240, 320), np.uint8), CLASSES), photo)


@pytest.mark.parametrize("hw", [(9, 7), (64, 48), (300, 1000)])
def test_many_long_names_fit_whatever_the_size_of_the_photo(hw: tuple[int, int]) -> None:
    classes = ("background", *(f"a rather long name of the class {number}, naïve 黒" for number in range(1, 9)))
    class_map = (np.arange(hw[0] * hw[1]) % 9).astype(np.uint8).reshape(hw)

    panel = draw_classes(np.full((*hw, 3), 150, np.uint8), class_map, classes)

    assert panel.shape[0] > hw[0]
    assert panel.shape[1] >= hw[1]
    assert (panel[:, -1] == 255).all() or panel.shape[1] == hw[1]  # nothing is cut off at the right
    for colour in class_colours(9)[1:]:
        assert (panel[hw[0] :] == colour).all(axis=2).sum() >= 100


def test_a_class_map_of_another_size_or_with_an_unknown_class_is_refused() -> None:
    photo, class_map = half_and_half()
    with pytest.raises(ValueError, match=r"the photo is \(240, 320, 3\), the class map \(240, 319\)"):
        draw_classes(photo, class_map[:, 1:], CLASSES)
    with pytest.raises(ValueError, match="the class map holds number 2, there are 2 classes"):
        draw_classes(photo, class_map, CLASSES[:2])
