"""The drawn outline: where it is, how wide, and what it leaves alone."""

import numpy as np
import pytest

from skinseg_runtime.overlay import LIGHT, draw
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
