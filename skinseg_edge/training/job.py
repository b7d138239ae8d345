"""What to train, on what, how: everything a training run is started with."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import lesion_classes_of
from skinseg_edge.datasets.overlaps import check_disjoint
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.datasets.split_lists import names_sha256
from skinseg_edge.errors import DatasetUnusable, InputError
from skinseg_edge.training.recipes import Recipe

__all__ = ["TrainingJob"]

_NOTES = ("split", "readings")  # of a recipe; rewording them makes no other run


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on what, how.

    *train*, *validation*: pairs to learn from and to choose the best epoch on. *options*: of the network's constructor.
    *classes*: names of what the masks show, background first; one name is a binary network. Empty: the recipe's.
    *lesion_classes*: which of them are lesion. Empty: melasma among its regions, else all but the first.
    *initial_weights*: a file to start from instead of fresh weights; the recipe's normalisation should be its
    (`with_normalisation_of`). *teacher*: a checkpoint (file or shipped name) that the network also learns from.
    *quantization_aware*: round inputs and weights of the layers that may compute in 8 bits as the device will, from
    *initial_weights* on. *starting_contract*: of those weights; what a job does not decide (threshold, padding,
    acceptance limits) is kept from it. *data*: where the pictures come from, in words, for whoever asks the checkpoint.
    *data_folder*: the bare name of their folder, by which they are found again; empty if they have none. *device*: a
    torch device name. *half*: run the network in bfloat16 or float16 (GPU) autocast. *workers*: processes that augment;
    0 = in line. *lanes*: to which the pictures are dealt, so that several processes can share them (`training.shards`).
    *accumulate*: parts in which a batch goes through the network; batch statistics are then those of a part.

    Raises DatasetUnusable if the pictures cannot be learnt from, InputError if the recipe gives a teacher no weight,
    quantization-aware training has no weights to start from, or a part of a batch has fewer pictures than lanes.
    """

    network: str
    recipe: Recipe
    train: Sequence[PicturePair]
    validation: Sequence[PicturePair]
    options: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    lesion_classes: tuple[str, ...] = ()
    initial_weights: Path | None = None
    teacher: str | Path | None = None
    quantization_aware: bool = False
    starting_contract: ModelContract | None = None
    data: str = "not recorded"
    data_folder: str = ""
    seed: int = 0
    device: str = "cpu"
    half: bool = False
    workers: int = 1
    lanes: int = 1
    accumulate: int = 1

    def __post_init__(self) -> None:
        """Check that there is something to learn from and to choose by."""
        for kind, pairs, option in (
            ("training", self.train, "--train-list"),
            ("validation", self.validation, "--validation-list"),
        ):
            if not pairs:
                raise DatasetUnusable(
                    f"cannot train {self.network}: there is no {kind} picture; name some with {option}, or add pictures"
                )
        if len(self.train) < 2:
            raise DatasetUnusable(f"cannot train {self.network} on one picture: batch statistics need two or more")
        check_disjoint({"the training pictures": self.train, "the validation pictures": self.validation})
        if self.teacher is not None and not self.recipe.teacher_weight:
            raise InputError(
                f"cannot train {self.network} with the teacher {self.teacher}: the recipe {self.recipe.name!r} gives "
                "it no weight; use --recipe best"
            )
        if self.quantization_aware and self.initial_weights is None:
            raise InputError(
                f"cannot train {self.network} quantization-aware from fresh weights: name trained ones with "
                "--initial-weights"
            )
        self._check_parts()

    def _check_parts(self) -> None:
        if self.lanes < 1 or self.accumulate < 1:
            raise InputError(f"cannot train on {self.lanes} lanes in {self.accumulate} parts: expected 1 or more")
        smallest = self.batch // self.accumulate
        if smallest < self.lanes:
            raise InputError(
                f"cannot train {self.network} on {self.lanes} lanes with {self.accumulate} parts a batch: of "
                f"{self.batch} pictures the smallest part has {smallest}, expected one of each lane or more; take "
                "fewer with --shards or --accumulate, or start fewer processes"
            )

    @property
    def batch(self) -> int:
        """Pictures of a batch, over all processes and parts."""
        return min(self.recipe.batch, len(self.train))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of what is segmented: the job's, or else the recipe's."""
        return self.classes or self.recipe.classes

    def contract(self, side: int | None = None) -> ModelContract:
        """Return the contract of the network that comes out, or of a stage of *side* px."""
        side = side or self.recipe.side
        kept = self.starting_contract or ModelContract(input_hw=(side, side))
        return ModelContract(
            input_hw=(side, side),
            threshold=kept.threshold,
            pad_value=kept.pad_value,
            limits=kept.limits,
            mean=self.recipe.mean,
            std=self.recipe.std,
            resize=self.recipe.resize,
            classes=self.class_names,
            lesion_classes=self.lesion_classes or lesion_classes_of(self.class_names),
        )

    def describe(self) -> dict[str, Any]:
        """Return what makes two runs the same, as JSON values."""
        recipe = {name: value for name, value in asdict(self.recipe).items() if name not in _NOTES}
        # Runs on one lane in whole batches are described as they were before there were others.
        parts = {name: value for name, value in (("lanes", self.lanes), ("accumulate", self.accumulate)) if value > 1}
        return {
            **parts,
            "network": self.network,
            "options": _plain(dict(self.options)),
            "classes": list(self.class_names),
            "recipe": _plain(recipe),
            "seed": self.seed,
            "half": self.half,
            "lesion_classes": list(self.contract().lesion_classes),
            "train_pictures": len(self.train),
            "train_names_sha256": names_sha256(pair.name for pair in self.train),
            "validation_pictures": len(self.validation),
            "validation_names_sha256": names_sha256(pair.name for pair in self.validation),
        }


def _plain(value: Any) -> Any:
    # Tuples become lists, as JSON will return them.
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
