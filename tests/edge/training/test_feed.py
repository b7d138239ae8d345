"""Batches: the same for any number of workers, in an order and with changes that seed and epoch decide."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.readers import pairs
from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import write_png
from skinseg_edge.training.augmentation import NONE, PHONE, AugmentationPolicy
from skinseg_edge.training.feed import LoadedPair, TrainingBatches, load_pairs, validation_batches


@pytest.fixture
def pictures() -> list[LoadedPair]:
    """Draw 7 pictures, large enough for OpenCV to spread its work over threads."""
    rng = np.random.default_rng(0)
    return [
        LoadedPair(rng.integers(0, 256, (280, 280, 3), np.uint8), np.full((280, 280), i, np.uint8)) for i in range(7)
    ]


def batches(pictures: list[LoadedPair], workers: int = 0, policy: AugmentationPolicy = PHONE) -> TrainingBatches:
    return TrainingBatches(pictures, side=256, batch=3, policy=policy, seed=4, workers=workers, soft=False)


def same(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    parts = [(torch.equal(a, c), torch.equal(b, d)) for (a, b), (c, d) in zip(first, second, strict=True)]
    return all(photos and masks for photos, masks in parts)


# From Python 3.12 on, forking beside other threads warns; OpenCV's and torch's stand still meanwhile.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_workers_make_the_same_batches_epoch_after_epoch(pictures: list[LoadedPair]) -> None:
    alone, helped = batches(pictures), batches(pictures, workers=2)
    for epoch in (0, 1, 5):
        assert same(list(alone.epoch(epoch)), list(helped.epoch(epoch)))


def test_an_epoch_is_the_same_whatever_came_before(pictures: list[LoadedPair]) -> None:
    first = batches(pictures)
    for epoch in range(3):
        list(first.epoch(epoch))
    assert same(list(first.epoch(3)), list(batches(pictures).epoch(3)))
    assert not same(list(first.epoch(3)), list(first.epoch(4)))


def test_an_epoch_holds_each_picture_at_most_once_in_whole_batches(pictures: list[LoadedPair]) -> None:
    made = list(batches(pictures, policy=NONE).epoch(2))
    seen = [int(mask.amax()) for _, masks in made for mask in masks]
    assert len(batches(pictures)) == len(made) == 2
    assert len(set(seen)) == len(seen) == 6
    assert seen != sorted(seen)


def test_few_pictures_make_one_batch(pictures: list[LoadedPair]) -> None:
    ((photos, masks),) = batches(pictures[:2]).epoch(0)
    assert (photos.shape, photos.dtype) == ((2, 256, 256, 3), torch.uint8)
    assert (masks.shape, masks.dtype) == ((2, 256, 256), torch.uint8)


def test_validation_pictures_come_in_order_and_all(pictures: list[LoadedPair]) -> None:
    masks = torch.cat([masks for _, masks in validation_batches(pictures, 3)])
    assert masks[:, 0, 0].tolist() == list(range(7))


def test_no_thread_that_decoded_ends_while_workers_may_be_forked(tmp_path: Path) -> None:
    for seed in range(4):
        lesion = draw(seed, (32, 48))
        write_png(tmp_path / "images" / f"{seed}.png", lesion.photo)
        write_png(tmp_path / "masks" / f"{seed}.png", lesion.mask)

    def decoding() -> set[int | None]:
        return {thread.ident for thread in threading.enumerate() if thread.name.startswith("decoding")}

    load_pairs(pairs(tmp_path), ModelContract(input_hw=(16, 16)))
    first = decoding()
    load_pairs(pairs(tmp_path), ModelContract(input_hw=(16, 16)))

    assert first
    assert first <= decoding()
