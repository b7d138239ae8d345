"""Averaged probabilities: how fast they follow, and when they begin anew."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.preprocessing import place
from skinseg_runtime.postprocessing import default_rules
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.video.frames import Frame
from skinseg_runtime.video.smoothing import CHANGE_LIMIT, Smoother, change_between, thumbnail_of
from tests.runtime.tiny_bundle import photo_and_mask

CONTRACT = ModelContract(input_hw=(16, 24))
PHOTO, _ = photo_and_mask((96, 128))


def seen(time_s: float, probability: float, pixels: NDArray[np.uint8] = PHOTO) -> tuple[Frame, Segmentation]:
    """Return a frame, and the same *probability* all over it."""
    segmentation = Segmentation(
        contract=CONTRACT,
        network_probability=np.full((1, 16, 24), probability, np.float32),
        placement=place((pixels.shape[0], pixels.shape[1]), CONTRACT),
        rules=default_rules(CONTRACT),
        steps_ms={},
        engine="none",
    )
    return Frame(0, time_s, pixels, 0.0, 0.0), segmentation


def level(segmentation: Segmentation) -> float:
    return float(segmentation.network_probability.mean())


def test_after_a_step_the_average_has_done_the_share_that_the_time_constant_says() -> None:
    smoother = Smoother(0.5)
    first, why = smoother.smoothed(*seen(0.0, 0.0))
    assert (level(first), why) == (0.0, "first frame")
    *_, (last, why) = [smoother.smoothed(*seen(number / 10, 1.0)) for number in range(1, 6)]
    assert why == "averaged"
    assert level(last) == pytest.approx(1 - math.exp(-1), abs=1e-5)  # 0.5 s later, 1/e of the old is left


def test_dropped_frames_make_no_difference_to_how_fast_it_follows() -> None:
    every, some = Smoother(0.5), Smoother(0.5)
    for smoother in (every, some):
        smoother.smoothed(*seen(0.0, 0.0))
    *_, (all_of_them, _) = [every.smoothed(*seen(number / 25, 0.8)) for number in range(1, 11)]
    one, _ = some.smoothed(*seen(0.4, 0.8))
    assert level(one) == pytest.approx(level(all_of_them), abs=1e-5)


def test_a_single_frame_without_the_lesion_does_not_make_the_mask_flicker() -> None:
    smoother = Smoother(0.5)
    found = [smoother.smoothed(*seen(number / 25, 0.1 if number == 10 else 0.9))[0] for number in range(15)]
    assert [one.mask.all() for one in found] == [True] * 15


@pytest.mark.parametrize(
    ("pixels", "time_s", "why"),
    [
        (np.roll(PHOTO, 10, axis=1), 0.1, "motion"),
        (np.ascontiguousarray(PHOTO[:, ::-1]), 0.1, "motion"),
        (photo_and_mask((120, 90))[0], 0.1, "size"),
        (PHOTO, 1.7, "gap"),
    ],
)
def test_what_came_before_a_change_does_not_count(pixels: NDArray[np.uint8], time_s: float, why: str) -> None:
    smoother = Smoother(0.5)
    smoother.smoothed(*seen(0.0, 0.0))
    after, reason = smoother.smoothed(*seen(time_s, 1.0, pixels))
    assert (level(after), reason) == (1.0, why)


def test_a_slow_drift_adds_up_and_begins_anew_before_the_outline_trails() -> None:
    smoother = Smoother(1.0)
    reasons = [smoother.smoothed(*seen(step / 25, 0.5, np.roll(PHOTO, step, axis=1)))[1] for step in range(20)]
    assert reasons[:2] == ["first frame", "averaged"]  # one pixel of 128 is nothing yet
    assert 2 <= reasons.count("motion") <= 10


def test_noise_and_a_camera_that_adjusts_its_light_are_no_motion() -> None:
    randomness = np.random.default_rng(3)
    still = thumbnail_of(PHOTO)
    noisy = np.clip(PHOTO + randomness.normal(0, 12, PHOTO.shape), 0, 255).astype(np.uint8)
    lighter = np.clip(PHOTO * 1.15, 0, 255).astype(np.uint8)
    assert change_between(still, still) == 0
    assert change_between(still, thumbnail_of(noisy)) < CHANGE_LIMIT
    assert change_between(still, thumbnail_of(lighter)) < CHANGE_LIMIT
    assert change_between(still, thumbnail_of(np.ascontiguousarray(PHOTO[::-1]))) > 5 * CHANGE_LIMIT
