"""Colours of lesions, drawn with known ones and on real photos."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets import synthetic_lesions
from skinseg_edge.image_io import decode, decode_mask
from skinseg_runtime.measurements import Colour, measure
from tests.runtime.measurements.drawn import ellipse

BROWN, RED, SKIN = (110, 70, 50), (170, 80, 80), (214, 176, 158)


def lab(rgb: tuple[int, int, int]) -> NDArray[np.float64]:
    pixel = np.array([[rgb]], np.float32) / 255
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_RGB2Lab)[0, 0], np.float64)


def colour_on(mask: NDArray[np.bool_], photo: NDArray[np.uint8]) -> Colour:
    colour = measure(mask, photo)[0].colour
    assert colour is not None
    return colour


def painted(mask: NDArray[np.bool_], first: tuple[int, int, int], second: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Paint skin and a lesion whose left half is of another colour than its right one."""
    photo = np.full((*mask.shape, 3), SKIN, np.uint8)
    left = np.arange(mask.shape[1])[None] < mask.shape[1] // 2
    photo[mask & left], photo[mask & ~left] = first, second
    return photo


def test_without_a_photo_no_colour_is_told() -> None:
    (lesion,) = measure(ellipse(20, 10))
    assert lesion.colour is None
    assert lesion.to_json()["colour"] is None


@pytest.mark.parametrize("half_length", [30, 90, 500])
def test_an_even_lesion_has_its_colour_and_no_spread(half_length: int) -> None:
    mask = ellipse(half_length, half_length / 2, 20)
    colour = colour_on(mask, painted(cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) == 1, BROWN, BROWN))
    assert colour.mean == pytest.approx(lab(BROWN), abs=0.05)
    assert colour.standard_deviation == pytest.approx((0, 0, 0), abs=0.1)
    assert colour.asymmetry == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("half_length", [90, 500])
def test_two_halves_of_two_colours_differ_in_one_of_the_two_folds(half_length: int) -> None:
    mask = ellipse(half_length, half_length / 2)
    colour = colour_on(mask, painted(mask, BROWN, RED))
    apart = lab(RED) - lab(BROWN)
    assert colour.mean == pytest.approx((lab(RED) + lab(BROWN)) / 2, abs=1)
    assert colour.standard_deviation == pytest.approx(np.abs(apart) / 2, abs=1)
    assert colour.asymmetry == pytest.approx(np.linalg.norm(apart) / 2, rel=0.05)


def test_a_photo_that_was_decoded_smaller_gives_the_same_colours() -> None:
    made = synthetic_lesions.draw(3, (1201, 1603))
    whole = measure(made.mask, made.photo)[0].colour
    half = cv2.resize(made.photo, (802, 601), interpolation=cv2.INTER_AREA)  # each side rounded up, as a JPEG's is
    reduced = colour_on(made.mask, np.asarray(half, np.uint8))
    assert whole is not None
    assert reduced.mean == pytest.approx(whole.mean, abs=0.3)
    assert reduced.standard_deviation == pytest.approx(whole.standard_deviation, abs=0.6)
    assert reduced.asymmetry == pytest.approx(whole.asymmetry, abs=0.6)


def test_on_real_photos_the_mean_is_that_of_all_pixels(real_data: Path) -> None:
    for path in sorted((real_data / "full_size").glob("*_mask.png"))[:4]:
        mask, photo = decode_mask(path), decode(path.with_name(path.name.replace("_mask.png", ".jpg"))).pixels
        lesion = measure(mask, photo)[0]
        x0, y0, x1, y1 = lesion.box
        everything = cv2.cvtColor(photo[y0:y1, x0:x1].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[lesion.region]
        assert lesion.colour is not None
        assert lesion.colour.mean == pytest.approx(everything.mean(axis=0), abs=0.5), path.name
        # What the grid averages out is the camera's noise: the spread is that of all pixels, or less.
        spreads = zip(lesion.colour.standard_deviation, everything.std(axis=0), strict=True)
        assert all(0.5 * full < found < 1.05 * full for found, full in spreads), path.name


@pytest.mark.parametrize(("shape", "kind"), [((10, 20, 3), "uint8"), ((30, 40), "uint8"), ((30, 40, 3), "float32")])
def test_a_photo_of_another_shape_is_refused(shape: tuple[int, ...], kind: str) -> None:
    with pytest.raises(
        ValueError, match=r"a photo of a mask of \(30, 40\) is \(H, W, 3\) uint8 of its proportions, got"
    ):
        measure(np.ones((30, 40), np.bool_), np.zeros(shape, kind))
