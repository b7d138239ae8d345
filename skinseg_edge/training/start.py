"""Where a run starts: fresh or given weights for most recipes, trained weights and all that they expect for `qat`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_edge.networks.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, shipped_names
from skinseg_edge.training.initial_weights import with_normalisation_of
from skinseg_edge.training.losses import LOSSES
from skinseg_edge.training.recipes import Recipe, recipe

__all__ = ["Start", "quantization_aware_start", "usual_start"]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a job takes over from the weights it starts from; *weights* None are fresh ones.

    *teacher*: who else the network learns from. *lesion_classes*: empty if the weights say nothing about them.
    *contract*: of the weights where the network that comes out shall keep it.
    """

    recipe: Recipe
    options: Mapping[str, Any]
    weights: Path | None = None
    teacher: str | Path | None = None
    lesion_classes: tuple[str, ...] = ()
    contract: ModelContract | None = None


def usual_start(network: str, recipe_name: str, options: Mapping[str, Any], weights: Path | None) -> Start:
    """Return the recipe as it stands, with the normalisation of *weights* if there are any.

    Raises UnknownName if *network* has no such recipe, FileMissing if there are no such weights.
    """
    chosen = recipe(network, recipe_name)
    if weights is not None:
        chosen = with_normalisation_of(chosen, network, weights)
    return Start(recipe=chosen, options=options, weights=weights)


def quantization_aware_start(network: str, options: Mapping[str, Any], weights: Path | None) -> Start:
    """Return how to go on from *weights*, or from the shipped weights of *network* if None.

    Input size, normalisation, classes, loss and the network's options are theirs; *options* go before. They teach as
    well, so that the masks stay theirs, except for a foreign file, which names no network.

    Raises InputError if there are no weights or their input is not square, and what loading them raises.
    """
    if weights is None and network not in shipped_names():
        shipped = ", ".join(shipped_names()) or "none"
        raise InputError(
            f"cannot train {network} quantization-aware: it starts from trained weights, and none are shipped for it "
            f"(shipped: {shipped}); name some with --initial-weights"
        )
    path = checkpoint_path(network if weights is None else weights)
    trained = load_checkpoint(path, network_name=network, options=options)
    return Start(
        recipe=_fitted(recipe(network, "qat"), trained),
        options={**trained.options, **options},
        weights=path,
        teacher=path if trained.training else None,
        lesion_classes=trained.contract.lesion_classes,
        contract=trained.contract,
    )


def _fitted(plain: Recipe, trained: Checkpoint) -> Recipe:
    contract = trained.contract
    rows, columns = contract.input_hw
    if rows != columns:
        raise InputError(
            f"cannot train {trained.source} quantization-aware: its input is {rows} x {columns} px, expected a square"
        )
    loss = trained.training.get("recipe", {}).get("loss")
    return replace(
        plain,
        stages=tuple(replace(stage, side=rows) for stage in plain.stages),
        mean=contract.mean,
        std=contract.std,
        resize=contract.resize,
        classes=contract.classes,
        loss=loss if loss in LOSSES else plain.loss,
    )
