"""What leaves an engine is a probability, or an error."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.errors import ParityFailed
from skinseg_runtime.engines.answers import check_images, checked_mask, checked_probability


def test_the_last_bit_of_half_precision_is_cut_off() -> None:
    answer = np.array([-0.0004, 0.25, 1.0009], np.float32)
    assert checked_probability(answer, "net.engine").tolist() == [0, 0.25, 1]


@pytest.mark.parametrize(
    ("value", "words"), [(float("nan"), "nan to nan"), (1.01, "0.5 to 1.01"), (-3, "-3 to 0.5"), (np.inf, "0.5 to inf")]
)
def test_what_is_no_probability_is_refused(value: float, words: str) -> None:
    with pytest.raises(ParityFailed, match=f"answer of net.engine: its values reach from {words}, expected probab"):
        checked_probability(np.array([0.5, value], np.float32), "net.engine")


def test_no_pictures_have_no_answer_and_no_error() -> None:
    assert checked_probability(np.empty((0, 1, 4, 4), np.float32), "net.engine").shape == (0, 1, 4, 4)
    assert checked_mask(np.empty((0, 4, 4), np.uint8), "net.engine").shape == (0, 4, 4)


def test_a_mask_holds_zeros_and_ones_only() -> None:
    assert checked_mask(np.array([0, 1], np.uint8), "net.engine").tolist() == [0, 1]
    with pytest.raises(ParityFailed, match=r"mask of net\.engine: its values reach to 255, expected 0"):
        checked_mask(np.array([0, 255], np.uint8), "net.engine")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 64, 96, 3), np.float32),
        np.zeros((64, 96, 3), np.uint8),
        np.zeros((1, 96, 64, 3), np.uint8),
        np.zeros((1, 64, 96, 4), np.uint8),
    ],
)
def test_images_of_another_shape_or_type_are_named(images: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"images are \(.*expected \(N, \(64, 96\), 3\) uint8"):
        check_images(images, (64, 96))
