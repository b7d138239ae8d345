"""Colours and millimetres that are added later are those that would have been measured at once."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets import synthetic_lesions
from skinseg_runtime.measurements import (
    Scale,
    completed,
    measure,
    scale_from_card,
    scale_from_mm_per_px,
    scale_from_ruler,
)
from tests.runtime.measurements.drawn_card import MARKER_MM, card_photo


def same_as_at_once(mask: NDArray[np.bool_], photo: NDArray[np.uint8], scale: Scale | None) -> bool:
    at_once = measure(mask, photo, scale)
    later = completed(measure(mask), (mask.shape[0], mask.shape[1]), photo, scale)
    assert at_once
    return json.dumps([each.to_json() for each in at_once]) == json.dumps([each.to_json() for each in later])


@pytest.mark.parametrize("scale", [None, scale_from_mm_per_px(0.07), scale_from_ruler((3, 4), (90, 70), 8)])
@pytest.mark.parametrize("reduction", [1, 2])
def test_of_several_lesions_with_a_hole_all_figures_are_the_same(scale: Scale | None, reduction: int) -> None:
    drawn = synthetic_lesions.draw(4, (120, 160))
    mask = drawn.mask.copy()
    mask[5:15, 5:20] = True
    rows, columns = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
    mask[rows, columns] = False
    assert same_as_at_once(mask, drawn.photo[::reduction, ::reduction], scale)


def test_in_the_plane_of_a_card_all_figures_are_the_same() -> None:
    shot = card_photo(20)
    assert same_as_at_once(shot.mask, shot.photo, scale_from_card(shot.photo, MARKER_MM))


def test_a_photo_of_other_proportions_is_refused() -> None:
    mask = np.ones((20, 30), np.bool_)
    with pytest.raises(ValueError, match=r"a photo of a mask of \(20, 30\)"):
        completed(measure(mask), (20, 30), np.zeros((30, 20, 3), np.uint8))
