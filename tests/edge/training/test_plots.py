"""The picture of a training run: readable from one epoch to many."""

import cv2
import numpy as np
import pytest

from skinseg_edge.training.plots import curves_png, smoothed
from skinseg_edge.training.run_folder import EpochRecord


def records(epochs: int) -> list[EpochRecord]:
    return [
        EpochRecord(each, 64 if each <= 6 else 128, 1e-3, 1 / each, 1 - 0.5 / each, 1 - 0.7 / each, 1.0, 1 - 0.6 / each)
        for each in range(1, epochs + 1)
    ]


@pytest.mark.parametrize("classes", [1, 2, 6])
@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_curves_are_a_picture_of_one_size_for_any_run(epochs: int, classes: int) -> None:
    picture = cv2.imdecode(np.frombuffer(curves_png(records(epochs), classes=classes), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (672, 960, 3)
    assert (picture != 255).any(2).mean() > 0.01


def test_a_network_that_never_found_a_lesion_has_curves_too() -> None:
    lost = [EpochRecord(each, 64, 1e-3, 1.0, 0.0, 0.0, 1.0) for each in (1, 2)]
    assert curves_png(lost).startswith(b"\x89PNG")


def test_smoothing_keeps_what_is_level_and_the_number_of_values() -> None:
    assert smoothed([2.0] * 9) == pytest.approx([2.0] * 9)
    assert smoothed([]) == []
    jumpy = [0.0, 1.0] * 20
    assert np.ptp(smoothed(jumpy)[-10:]) < 0.4
