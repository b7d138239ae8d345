"""Training and validation pictures as tensors: decoded once, resized by the one preprocessing, kept in memory."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import read_label_map
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.errors import DatasetUnusable
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import to_network_input, to_network_labels, to_network_mask
from skinseg_edge.training.augmentation import AugmentationPolicy, augment
from skinseg_edge.training.shards import MicroBatches, Share

__all__ = ["LoadedPair", "TrainingBatches", "load_pairs", "normalise", "validation_batches"]


@dataclass(frozen=True)
class LoadedPair:
    """*photo*: (H, W, 3) uint8 RGB. *mask*: (H, W) uint8: 0 to 255 (soft after a resize), or class numbers."""

    photo: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def load_pairs(pairs: Sequence[PicturePair], contract: ModelContract) -> list[LoadedPair]:
    """Decode *pairs* and bring photo and mask to `contract.input_hw` as the runtime would.

    The mask of a binary contract keeps soft edges; that of several classes holds class numbers.

    Raises DatasetUnusable if a mask's size differs from its photo's, and what decoding raises.
    """
    return list(_decoding_threads().map(lambda pair: _load(pair, contract), pairs))


@cache
def _decoding_threads() -> ThreadPoolExecutor:
    """Return the threads that decode: several, because OpenCV lets go of the interpreter meanwhile.

    They live as long as the process. A thread that ends gives back what OpenCV keeps for it, under a lock, and Python
    does not wait for that; a worker that is forked in this moment inherits the lock taken, and waits for ever.
    """
    return ThreadPoolExecutor(thread_name_prefix="decoding")


def _load(pair: PicturePair, contract: ModelContract) -> LoadedPair:
    picture = decode(pair.picture, at_least_hw=contract.input_hw)
    labels = read_label_map(pair.mask, contract.classes)
    if labels.shape != picture.full_hw:
        raise DatasetUnusable(
            f"cannot use {pair.mask.name}: it is {labels.shape} px (rows, columns), its photo {picture.full_hw}"
        )
    photo = to_network_input(picture.pixels, contract, photo_hw=picture.full_hw).pixels
    if contract.is_binary:
        return LoadedPair(photo, to_network_mask(labels > 0, contract))
    return LoadedPair(photo, to_network_labels(labels, contract))


@dataclass(frozen=True)
class _Augmented(Dataset[tuple[Tensor, Tensor]]):
    """Pairs as one stage shows them, asked for by (epoch, i): with the seed, that alone decides the augmentation."""

    pairs: Sequence[LoadedPair] | Mapping[int, LoadedPair]
    side: int
    policy: AugmentationPolicy
    seed: int
    soft: bool
    mirrored: Sequence[int]

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, Tensor]:
        pair = self.pairs[index[1]]
        rng = np.random.default_rng((self.seed, *index))
        photo, mask = augment(
            pair.photo, pair.mask, self.side, self.policy, rng, soft=self.soft, mirrored=self.mirrored
        )
        return torch.from_numpy(photo), torch.from_numpy(mask)


class TrainingBatches:
    """The shuffled batches of a stage: photos N x side x side x 3 uint8 RGB, masks N x side x side uint8.

    What an epoch holds depends on *seed* and its number alone, so a resumed run repeats it exactly, with any number of
    *workers*; they live as long as the object. *soft*: masks have soft edges; otherwise they are class numbers, which
    do not mix. *mirrored*: what each class is in a mirror. *pinned*: put the batches where a CUDA device fetches them
    without waiting.

    *accumulate*: give each batch in so many parts. *share*: of a process among several, which gets its own pictures of
    each part; *pairs* are then its own by their number among *count* in all. `order` knows which they are.

    `len()` is the number of parts. The last, smaller batch is left out where there is a whole one: batch statistics
    need company.
    """

    def __init__(
        self,
        pairs: Sequence[LoadedPair] | Mapping[int, LoadedPair],
        *,
        side: int,
        batch: int,
        policy: AugmentationPolicy,
        seed: int,
        workers: int,
        soft: bool = True,
        mirrored: Sequence[int] = (),
        pinned: bool = False,
        accumulate: int = 1,
        share: Share | None = None,
        count: int | None = None,
    ) -> None:
        count = len(pairs) if count is None else count
        self.order = MicroBatches(
            count, batch=min(batch, count), accumulate=accumulate, share=share or Share(), seed=seed
        )
        self._loader = DataLoader(
            _Augmented(pairs, side, policy, seed, soft, mirrored),
            batch_sampler=self.order,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pinned,
            # A loader draws a seed when its workers start, and a resumed run starts them at another epoch: drawn from
            # the common generator, that would change the network's dropout.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the batches of *epoch* (counted from 0), or their parts."""
        self.order.epoch = epoch
        if not self._loader.num_workers:
            return iter(self._loader)
        # Workers are many already. They inherit the setting; in a forked process, OpenCV hangs when it is changed.
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            return iter(self._loader)
        finally:
            cv2.setNumThreads(threads)


def validation_batches(pairs: Sequence[LoadedPair], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield *pairs* in order, unchanged, in the layout of `TrainingBatches`."""
    for first in range(0, len(pairs), batch):
        some = pairs[first : first + batch]
        yield (
            torch.from_numpy(np.stack([pair.photo for pair in some])),
            torch.from_numpy(np.stack([pair.mask for pair in some])),
        )


def normalise(photos: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Turn N x H x W x 3 uint8 RGB into N x 3 x H x W float32, (x / 255 - mean) / std a channel.

    The same arithmetic as the deployed graph's, on the training device.
    """
    scaled = photos.permute(0, 3, 1, 2).float().div_(255)  # N x 3 x H x W, channels last in memory
    shape = (1, 3, 1, 1)
    return (scaled - scaled.new_tensor(mean).view(shape)) / scaled.new_tensor(std).view(shape)
