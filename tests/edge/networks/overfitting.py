"""Four drawn pictures that a network must be able to learn by heart: the shortest proof that it learns at all."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.datasets.synthetic_lesions import Scene, draw

__all__ = ["four_pictures", "overfit"]

_PICTURES = 4
_SKIN = (205, 160, 135)
# Wide apart in RGB, so that no network may blame the colours.
_COLOURS = ((120, 60, 40), (60, 90, 200), (70, 170, 80), (230, 210, 60), (200, 60, 170), (30, 30, 30), (240, 240, 240))


def overfit(
    network: nn.Module, classes: int, side: int, steps: int, seed: int = 0, *, learning_rate: float = 3e-3
) -> float:
    """Train *network* on four pictures and return how well it knows them then, in eval mode: a Dice in [0, 1].

    *classes*: its output maps; 1 trains with binary cross-entropy and soft Dice, several with cross-entropy. *side*:
    of the square pictures, px. *learning_rate*: highest of a one-cycle schedule for Adam.

    The Dice is pooled over the pixels of all four pictures; with several classes it is the mean over all but the first.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        images, labels = four_pictures(classes, side, seed)
        optimizer = torch.optim.Adam(network.parameters(), learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
        network.train()
        for _ in range(steps):
            optimizer.zero_grad()
            _loss(network(images), labels).backward()  # type: ignore[no-untyped-call]  # unannotated in torch
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.inference_mode():
            found = _labels(network(images))
    lesions = range(1, max(classes, 2))
    return sum(_dice(found == index, labels == index) for index in lesions) / len(lesions)


def four_pictures(classes: int, side: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw four pictures: images 4 x 3 x side x side in [-1, 1] and labels 4 x side x side, int64, 0 = skin.

    Up to two classes: drawn lesions. More: a disc of its own colour for each class but the first, every time elsewhere.

    Raises ValueError if classes > 8: there is no colour left for the ninth.
    """
    if classes > len(_COLOURS) + 1:
        raise ValueError(f"cannot draw {classes} classes: there are colours for {len(_COLOURS) + 1}")
    drawn = [_lesion(side, seed + i) if classes <= 2 else _discs(classes, side, seed + i) for i in range(_PICTURES)]
    photos = torch.from_numpy(np.stack([photo for photo, _ in drawn])).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(np.stack([label for _, label in drawn]))
    return photos.float() / 127.5 - 1, labels.long()


def _lesion(side: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    picture = draw(seed, (side, side), Scene(fitzpatrick=2, area_fraction=0.25))
    return picture.photo, picture.mask.astype(np.uint8)


def _discs(classes: int, side: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    generator = np.random.default_rng([seed, side])
    photo = np.full((side, side, 3), _SKIN, np.float64)
    labels = np.zeros((side, side), np.uint8)
    y, x = np.mgrid[:side, :side]
    cells = generator.permutation(9)[: classes - 1]  # a 3 x 3 grid, so that no disc hides another
    for index, cell in enumerate(cells, start=1):
        row, column = (np.array(divmod(int(cell), 3)) + 0.5) * side / 3
        disc = (y + 0.5 - row) ** 2 + (x + 0.5 - column) ** 2 < (generator.uniform(0.11, 0.16) * side) ** 2
        photo[disc] = _COLOURS[index - 1]
        labels[disc] = index
    photo += generator.normal(0, 6, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), labels


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    if logits.shape[1] > 1:
        return F.cross_entropy(logits, labels)
    logit, truth = logits[:, 0], labels.float()
    probability = logit.sigmoid()
    dice = (2 * (probability * truth).sum() + 1) / (probability.sum() + truth.sum() + 1)
    return F.binary_cross_entropy_with_logits(logit, truth) + 1 - dice


def _labels(logits: Tensor) -> Tensor:
    return logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] >= 0).long()


def _dice(found: Tensor, truth: Tensor) -> float:
    both = int((found & truth).sum())
    return 2 * both / max(int(found.sum() + truth.sum()), 1)
