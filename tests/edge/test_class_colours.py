"""Every class has a colour of its own, and the first keep theirs whatever follows."""

import numpy as np
import pytest

from skinseg_edge.class_colours import class_colours


@pytest.mark.parametrize("count", [0, 1, 6, 8, 9, 256])
def test_there_is_one_colour_a_class_and_none_comes_twice(count: int) -> None:
    colours = class_colours(count)
    assert colours.shape == (count, 3)
    assert colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) == count


def test_a_class_keeps_its_colour_when_others_are_added() -> None:
    assert np.array_equal(class_colours(30)[:6], class_colours(6))


def test_up_to_fourteen_classes_no_two_colours_are_close() -> None:
    colours = class_colours(14).astype(int)
    apart = np.abs(colours[:, None] - colours[None]).sum(axis=2) + 1000 * np.eye(14, dtype=int)
    assert apart.min() >= 40  # of 765
