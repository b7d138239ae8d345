"""Learning from another network: its probabilities for the same crops, beside the masks.

Hinton et al., "Distilling the knowledge in a neural network", 2015, at temperature 1: where the mask says yes or no,
the teacher says how sure a good network can be, above all along the border.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from skinseg_edge.errors import CheckpointMismatch
from skinseg_edge.networks.checkpoint import load_checkpoint
from skinseg_edge.training.devices import on_device
from skinseg_edge.training.feed import normalise

__all__ = ["Teacher", "distillation_loss"]


def distillation_loss(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return the mean over pixels of the Kullback-Leibler divergence from the student's classes to the teacher's.

    *logits*, *teacher_logits*: N x K x H x W; K = 1 is the class against the rest. 0 where both agree. The gradient is
    that of the cross-entropy against the teacher's probabilities; none reaches the teacher. Float32.
    """
    ours, theirs = _log_probabilities(logits), _log_probabilities(teacher_logits.detach())
    return (theirs.exp() * (theirs - ours)).sum(1).mean()


def _log_probabilities(logits: Tensor) -> Tensor:
    values = logits.float()
    if values.shape[1] == 1:
        return torch.cat([F.logsigmoid(-values), F.logsigmoid(values)], 1)  # N x 2 x H x W
    return F.log_softmax(values, 1)


class Teacher:
    """A trained network that only answers.

    *checkpoint*: a file or the name of a shipped one. *classes*: what the student tells apart; a teacher of
    (background, lesion) may teach (lesion,).

    Raises CheckpointMismatch if the teacher tells other classes apart, and what loading raises.
    """

    def __init__(self, checkpoint: str | Path, classes: Sequence[str], device: torch.device) -> None:
        loaded = load_checkpoint(checkpoint)
        theirs = loaded.contract.classes
        self._pairs_up = len(theirs) == 2 and tuple(classes) == theirs[1:]
        if theirs != tuple(classes) and not self._pairs_up:
            raise CheckpointMismatch(
                f"cannot learn from {loaded.source}: it tells apart {', '.join(theirs)}, the student "
                f"{', '.join(classes)}; train the teacher on the same classes"
            )
        self._source = {"checkpoint": loaded.source, "sha256": loaded.sha256}
        self._contract = loaded.contract
        self._network = on_device(loaded.network.requires_grad_(False), device)

    def describe(self) -> dict[str, str]:
        """Return which weights teach, as JSON values."""
        return dict(self._source)

    @torch.no_grad()
    def logits(self, photos: Tensor, *, half: bool = False) -> Tensor:
        """Return the teacher's logits, N x classes x H x W, of the student's crops (N x H x W x 3 uint8 RGB)."""
        images = normalise(photos, self._contract.mean, self._contract.std)
        with torch.autocast(images.device.type, enabled=half):
            logits: Tensor = self._network(images)
        # A softmax over two classes is the sigmoid of their difference.
        return logits[:, 1:].float() - logits[:, :1].float() if self._pairs_up else logits
