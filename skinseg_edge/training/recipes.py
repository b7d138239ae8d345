"""How each network is trained, as data."""

from dataclasses import dataclass, replace
from typing import Literal

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import unknown_name
from skinseg_edge.training.augmentation import PAPER, PHONE, PHONE_AND_RING, AugmentationPolicy

__all__ = ["Recipe", "Stage", "recipe", "recipe_names"]


@dataclass(frozen=True)
class Stage:
    """*epochs* rounds over the training pictures at *side* x *side* px, changed as *augmentation* allows."""

    side: int
    epochs: int
    augmentation: AugmentationPolicy


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how weights come about, besides the pictures and the seed.

    *stages*: sizes in order; the last one is the size of the contract and the only one whose epochs may be chosen.
    *schedule*: `cosine` falls once over the whole run after *warm_up* epochs; `cosine-50` is the public SCSONet code's
    (50 epochs down, 50 up, stepped per epoch); `constant` stays.
    *average_decay*: decay a step of the averaged weights that are validated and kept; 0 keeps the raw ones.
    *mean*, *std*: normalisation of values in [0, 1] that the deployed graph will apply.
    """

    name: str
    stages: tuple[Stage, ...]
    batch: int
    optimizer: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float
    schedule: Literal["cosine", "cosine-50", "constant"]
    final_learning_rate: float
    warm_up: int
    average_decay: float
    loss: Literal["bce", "bce+dice"]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

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


# One long cosine over growing pictures: most epochs are spent where an epoch is cheap. The training pictures are cut
# from the middle of photos, so the dark ring around many whole ones has to be drawn; it comes late, as the last lesson.
_BEST = Recipe(
    name="best",
    stages=(Stage(128, 30, PHONE), Stage(192, 22, PHONE), Stage(256, 4, PHONE), Stage(256, 20, PHONE_AND_RING)),
    batch=16,
    optimizer="adamw",
    learning_rate=4e-3,
    weight_decay=1e-2,
    schedule="cosine",
    final_learning_rate=1e-5,
    warm_up=2,
    average_decay=0.998,
    loss="bce+dice",
)

_SCSONET_PAPER = Recipe(
    name="paper",
    stages=(Stage(256, 300, PAPER),),
    batch=8,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=1e-2,
    schedule="cosine-50",
    final_learning_rate=1e-5,
    warm_up=0,
    average_decay=0.0,
    loss="bce+dice",
)

_UNET_PAPER = Recipe(
    name="paper",
    stages=(Stage(224, 20, AugmentationPolicy(flip=(0.5, 0.1), rotation=1.0, rotation_degrees=35)),),
    batch=32,
    optimizer="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    schedule="constant",
    final_learning_rate=1e-3,
    warm_up=0,
    average_decay=0.0,
    loss="bce",
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)

_RECIPES: dict[str, dict[str, Recipe]] = {
    "scsonet": {"paper": _SCSONET_PAPER, "best": _BEST},
    "unet": {"paper": _UNET_PAPER, "best": _BEST},
}


def recipe_names(network: str) -> tuple[str, ...]:
    """Return the names of the recipes for *network*; the user's own networks have `best`."""
    return tuple(sorted(_RECIPES.get(network, {"best": _BEST})))


def recipe(network: str, name: str) -> Recipe:
    """Return the recipe *name* of *network*.

    Raises UnknownName if the network has no such recipe.
    """
    recipes = _RECIPES.get(network, {"best": _BEST})
    if name not in recipes:
        raise unknown_name(f"recipe of {network}", name, recipes)
    return recipes[name]
