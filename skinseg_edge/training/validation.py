"""Which class each validation pixel was taken for, counted where the network runs."""

from collections.abc import Callable

import torch
from torch import Tensor

from skinseg_edge.confusion import ConfusionMatrix

__all__ = ["PixelCount"]


class PixelCount:
    """A confusion matrix that grows a batch at a time. One map counts as two classes, rest and lesion."""

    def __init__(self, maps: int, device: torch.device) -> None:
        """Start from nothing for a network of *maps* output maps."""
        self._classes = max(maps, 2)
        self._cells = torch.zeros(self._classes**2, dtype=torch.int64, device=device)

    def add(self, logits: Tensor, masks: Tensor) -> None:
        """Count a batch.

        *logits*: N x maps x H x W. *masks*: N x H x W uint8; for one map lesion from 128 on, else class numbers.
        A pixel is lesion from logit 0 on; among classes the largest logit wins.
        """
        truth = masks.to(self._cells.device)
        binary = logits.shape[1] == 1
        found = (logits[:, 0] >= 0).long() if binary else logits.argmax(1)  # N x H x W
        truth = (truth >= 128).long() if binary else truth.long()
        self._cells += torch.bincount((truth * self._classes + found).flatten(), minlength=self._classes**2)

    def matrix(self, sum_over_processes: Callable[[Tensor], Tensor] = lambda counts: counts) -> ConfusionMatrix:
        """Return what was counted, here and in the other processes."""
        cells = sum_over_processes(self._cells)
        return ConfusionMatrix(cells.view(self._classes, self._classes).cpu().numpy())
