"""Networks of some hundred weights, each with one thing that hangs on more than one picture, for `--import`."""

import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.networks import register
from skinseg_edge.networks.features import FeatureMaps

__all__ = ["Drifting", "Normed", "Plain", "Stuck"]


class _Tiny(nn.Module):
    def __init__(self, classes: int, *between: nn.Module) -> None:
        super().__init__()
        # A bias before batch normalisation has no effect and a gradient of 0: AdamW would blow up its rounding errors.
        first = nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=False)
        self.body = nn.Sequential(first, *between, nn.Conv2d(8, 8, 5, padding=2))
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_features(images)[0]

    def forward_features(self, images: Tensor) -> tuple[Tensor, FeatureMaps]:
        inner = self.body(images)
        logits = F.interpolate(self.head(inner), scale_factor=2, mode="bilinear")
        return logits, FeatureMaps((inner,), (inner,), logits)


class Normed(_Tiny):
    """With statistics of a batch, dropout of both kinds, and a weight that nothing uses, as SCSONet has some."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__(classes, nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2), nn.Dropout2d(0.1))
        self.unused = nn.Parameter(torch.ones(3))


class Plain(_Tiny):
    """With nothing that looks beyond a picture."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__(classes, nn.GroupNorm(2, 8), nn.ReLU())


class Drifting(_Tiny):
    """With running statistics of a kind that is not summed over processes."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__(classes, nn.InstanceNorm2d(8, track_running_stats=True), nn.ReLU())


class Stuck(Normed):
    """In the second of two processes, after one step, it writes its process id to the file STUCK_AT and waits."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__(classes)
        self.steps = 0

    def forward_features(self, images: Tensor) -> tuple[Tensor, FeatureMaps]:
        self.steps += self.training
        while self.training and self.steps > 1 and os.environ.get("RANK") == "1":
            Path(os.environ["STUCK_AT"]).write_text(str(os.getpid()))
            time.sleep(0.05)
        return super().forward_features(images)


# So `--import` calls what it runs; whoever else imports this file, looking for examples in docstrings, adds nothing.
if __name__.startswith("skinseg_user_"):
    register("tiny-normed", Normed)
    register("tiny-plain", Plain)
    register("tiny-drifting", Drifting)
    register("tiny-stuck", Stuck)
