"""Augmented pictures: photo and mask move together, and the seed decides everything."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from skinseg_edge.datasets.label_maps import MELASMA_CLASSES, mirror_partners
from skinseg_edge.training.augmentation import NONE, PHONE, augment


@pytest.fixture
def mask() -> NDArray[np.uint8]:
    drawn = np.zeros((96, 96), np.uint8)
    cv2.ellipse(drawn, (40, 55), (25, 12), 30, 0, 360, 255, -1)
    return drawn


def photo_of(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(mask[..., None], 3, axis=2)


def test_without_changes_photo_and_mask_stay_as_they_are(mask: NDArray[np.uint8]) -> None:
    photo, moved = augment(photo_of(mask), mask, 96, NONE, np.random.default_rng(0))
    assert np.array_equal(moved, mask)
    assert np.array_equal(photo, photo_of(mask))


def test_without_changes_another_side_is_a_plain_resize(mask: NDArray[np.uint8]) -> None:
    _, moved = augment(photo_of(mask), mask, 192, NONE, np.random.default_rng(0))
    expected = cv2.resize(mask, (192, 192), interpolation=cv2.INTER_LINEAR)
    assert np.abs(moved.astype(int) - expected.astype(int))[4:-4, 4:-4].max() <= 8  # warps round to 1/32 px


@pytest.mark.parametrize("seed", range(8))
def test_the_warp_moves_photo_and_mask_to_the_same_place(mask: NDArray[np.uint8], seed: int) -> None:
    geometry = replace(PHONE, light=0.0, colour=0.0, blur=0.0, noise=0.0, jpeg=0.0)
    photo, moved = augment(photo_of(mask), mask, 64, geometry, np.random.default_rng(seed))
    assert np.array_equal(photo, photo_of(moved))
    assert not np.array_equal(moved, cv2.resize(mask, (64, 64)))


@pytest.mark.parametrize("seed", range(4))
def test_class_numbers_move_with_the_photo_and_never_mix(mask: NDArray[np.uint8], seed: int) -> None:
    labels = np.where(mask > 0, np.uint8(2), np.uint8(0))
    labels[:, :30] += 3  # 0, 2, 3, 5
    _, moved = augment(photo_of(labels), labels, 64, replace(PHONE, ring=0.5), np.random.default_rng(seed), soft=False)
    _, soft = augment(photo_of(mask), mask, 64, replace(PHONE, ring=0.5), np.random.default_rng(seed))
    assert set(np.unique(moved)) <= {0, 2, 3, 5}
    in_disc = np.isin(moved, (2, 5))
    assert np.mean(in_disc == (soft > 127)) > 0.98  # nearest and bilinear part by half a pixel along the edge


@pytest.mark.parametrize(("flip", "is_mirror"), [((1.0, 0.0), True), ((0.0, 1.0), True), ((1.0, 1.0), False)])
def test_in_a_mirror_left_and_right_change_places(flip: tuple[float, float], is_mirror: bool) -> None:
    labels = np.zeros((64, 64), np.uint8)
    labels[20:40, :32], labels[20:40, 32:] = 5, 4  # the right cheek is on the left of the picture
    partners = mirror_partners(MELASMA_CLASSES)

    policy = replace(NONE, flip=flip)
    _, plain = augment(photo_of(labels), labels, 64, policy, np.random.default_rng(0), soft=False)
    _, moved = augment(photo_of(labels), labels, 64, policy, np.random.default_rng(0), soft=False, mirrored=partners)

    assert np.array_equal(moved, np.array(partners, np.uint8)[plain] if is_mirror else plain)
    assert set(np.unique(moved)) == {0, 4, 5}
    if flip == (1.0, 0.0):
        assert np.array_equal(moved, labels)


@pytest.mark.parametrize("change", ["light", "colour", "blur", "noise", "jpeg"])
def test_each_change_of_the_photo_leaves_the_mask(mask: NDArray[np.uint8], change: str) -> None:
    # Brown on rose, so that a change of colour shows.
    photo = np.where(mask[..., None] > 0, (120, 80, 60), (220, 170, 150)).astype(np.uint8)
    policy = replace(NONE, **{change: 1.0})  # type: ignore[arg-type]  # only names of float fields come in
    changed, moved = augment(photo, mask, 96, policy, np.random.default_rng(3))
    assert np.array_equal(moved, mask)
    assert changed.dtype == np.uint8
    assert changed.shape == photo.shape
    assert not np.array_equal(changed, photo)


def test_a_ring_darkens_the_corners_and_takes_them_out_of_the_mask() -> None:
    bright = np.full((96, 96, 3), 200, np.uint8)
    full = np.full((96, 96), 255, np.uint8)
    covered = 0
    for seed in range(20):
        photo, left = augment(bright, full, 96, replace(NONE, ring=1.0), np.random.default_rng(seed))
        covered += int((photo[left == 0] < 125).all() and (photo[left > 0] >= 99).all() and left[48, 48] == 255)
    assert covered == 20


def test_the_same_generator_gives_the_same_picture(mask: NDArray[np.uint8]) -> None:
    first = augment(photo_of(mask), mask, 64, PHONE, np.random.default_rng((1, 2, 3)))
    again = augment(photo_of(mask), mask, 64, PHONE, np.random.default_rng((1, 2, 3)))
    other = augment(photo_of(mask), mask, 64, PHONE, np.random.default_rng((1, 2, 4)))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_lesions_come_out_small_and_frame_filling() -> None:
    disc = np.zeros((96, 96), np.uint8)
    cv2.circle(disc, (48, 48), 18, 255, -1)  # 11 % of the frame
    parts = []
    for seed in range(300):
        _, moved = augment(photo_of(disc), disc, 64, PHONE, np.random.default_rng(seed))
        _, _, components, _ = cv2.connectedComponentsWithStats((moved > 127).astype(np.uint8))
        parts.append(components[1:, cv2.CC_STAT_AREA].max(initial=0) / moved.size)
    assert min(parts) < 0.03
    assert max(parts) > 0.4
