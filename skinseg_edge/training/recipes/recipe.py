"""What a recipe is: everything that decides how weights come about, besides the pictures and the seed."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from skinseg_edge.contract import ResizeRule
from skinseg_edge.errors import InputError
from skinseg_edge.training.augmentation import AugmentationPolicy

__all__ = ["LossName", "Recipe", "Stage"]

LossName: TypeAlias = Literal["bce", "bce+dice", "0.3bce+0.7dice", "ce", "focal", "ce+focal"]


@dataclass(frozen=True)
class Stage:
    """*epochs* rounds over the training pictures at *side* x *side* px, changed as *augmentation* allows."""

    side: int
    epochs: int
    augmentation: AugmentationPolicy


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    *stages*: sizes in order; the last one is the size of the contract and the only one whose epochs may be chosen.
    *optimizer*: `sgd` takes *momentum*, by Nesterov's rule or the plain one. *clip_norm*: largest norm of the gradient
    of all weights together; 0 leaves it as it is.
    *schedule*: `cosine` falls once over the whole run after *warm_up* epochs; `cosine-50` is the public SCSONet code's
    (50 epochs down, 50 up, stepped per epoch); `steps` cuts the run into *steps* equal parts, each at *step_factor*
    times the rate of the one before; `constant` stays.
    *average_decay*: decay a step of the averaged weights that are validated and kept; 0 keeps the raw ones.
    *loss*: a name of `LOSSES`. *cross_feature_weight*, *internal_feature_weight*: of the two feature losses that are
    added for a network that shows its inner maps. *teacher_weight*: w of (1 - w) loss + w distillation, where a teacher
    is given.
    *classes*: what is segmented where the pictures do not say; one name is a binary network.
    *mean*, *std*: normalisation of values in [0, 1] that the deployed graph will apply. *resize*: how photos meet the
    input.
    *split*: which pictures the paper learnt from and chose by. *readings*: what the paper leaves open and how it is
    read here. Both are notes; they do not tell runs apart.
    """

    name: str
    stages: tuple[Stage, ...]
    batch: int
    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: float
    weight_decay: float
    schedule: Literal["cosine", "cosine-50", "steps", "constant"]
    final_learning_rate: float
    warm_up: int
    average_decay: float
    loss: LossName
    momentum: float = 0.9
    nesterov: bool = False
    clip_norm: float = 1.0
    steps: int = 1
    step_factor: float = 1.0
    cross_feature_weight: float = 0.0
    internal_feature_weight: float = 0.0
    teacher_weight: float = 0.0
    classes: tuple[str, ...] = ("lesion",)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    resize: ResizeRule = "stretch"
    split: str = ""
    readings: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def side(self) -> int:
        """Side of the last stage, px: the input size of the network that comes out."""
        return self.stages[-1].side

    def stage_of(self, epoch: int) -> Stage:
        """Return the stage that *epoch* (counted from 0) belongs to."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        return self.stages[-1]

    def with_epochs(self, epochs: int) -> "Recipe":
        """Return the same recipe over *epochs* epochs, the stages keeping their shares.

        Raises InputError if epochs < 1.
        """
        if epochs < 1:
            raise InputError(f"cannot train for {epochs} epochs: expected 1 or more")
        edges = [0]
        done = 0
        for stage in self.stages:
            done += stage.epochs
            edges.append(round(epochs * done / self.epochs))
        edges[-2] = min(edges[-2], epochs - 1)  # the last stage keeps at least one epoch
        edges = [min(edge, edges[-2]) for edge in edges[:-1]] + [epochs]
        stages = tuple(
            replace(stage, epochs=last - first)
            for stage, first, last in zip(self.stages, edges[:-1], edges[1:], strict=True)
            if last > first
        )
        return replace(self, stages=stages)
