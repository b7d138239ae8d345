"""What each layer costs in 8 bits: measured in masks, a layer at a time, from both ends.

From one end only this layer is quantized: what does the mask lose? From the other every layer is, and only this one is
restored: what does the mask regain? A layer that no other one touches answers both alike. Two layers that both destroy
the mask hide behind each other from the second end, two that only harm it together hide from the first; the mean of
both answers sees either.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TypeAlias

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import first_names
from skinseg_export.tables import Table

__all__ = ["LayerSensitivity", "Sensitivity", "Trial", "measure_sensitivity", "sensitivity_table"]

# Takes the layers that are quantized, returns the mean Dice to the trained network's masks, at network size.
Trial: TypeAlias = Callable[[frozenset[str]], float]


@dataclass(frozen=True)
class LayerSensitivity:
    """What one layer does to the mean Dice, in Dice (0 to 1); below 0 where the mask is better for it, by chance.

    *loss_alone*: when only this layer is quantized. *gain_restored*: when all are and only this one is restored.
    *weights*: how many numbers it stores.
    """

    layer: str
    loss_alone: float
    gain_restored: float
    weights: int

    @property
    def share(self) -> float:
        """Its part of the whole damage: the mean of both figures.

        Shapley's value (1953) is the mean of what a layer does over all orders of quantizing. Where layers harm each
        other at most in pairs, it is exactly the mean of the first and the last place, which are these two figures.
        """
        return (self.loss_alone + self.gain_restored) / 2


@dataclass(frozen=True)
class Sensitivity:
    """*layers*: in the order of the network. *all_dice*, *none_dice*: mean Dice with all of them quantized, with none.

    Raises ValueError if a layer is named twice.
    """

    layers: tuple[LayerSensitivity, ...]
    all_dice: float
    none_dice: float

    def __post_init__(self) -> None:
        """Check the names."""
        names = [each.layer for each in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"cannot rank layers: {first_names(twice)} stands there twice")

    @property
    def sorted_layers(self) -> tuple[LayerSensitivity, ...]:
        """The layers by their share of the damage, the worst first; among equals the smaller one, cheap to restore."""
        return tuple(sorted(self.layers, key=lambda each: (-each.share, each.weights)))

    @property
    def ranking(self) -> tuple[str, ...]:
        """Names in the order in which to restore them."""
        return tuple(each.layer for each in self.sorted_layers)

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; layers in the order in which to restore them."""
        layers = [{**asdict(each), "share": each.share} for each in self.sorted_layers]
        return {"all_dice": self.all_dice, "none_dice": self.none_dice, "layers": layers}


def measure_sensitivity(
    layers: Sequence[str], trial: Trial, weights: Mapping[str, int], advance: Callable[[], None] = lambda: None
) -> Sensitivity:
    """Try every one of *layers* alone and restored alone.

    *weights*: how many each layer stores. *advance*: called 2 + 2 x layers times, after each figure. No set of layers
    is tried twice. A Dice that is not a number counts as 0: nothing is left of such a mask.

    Raises InputError if there is no layer, ValueError if a layer stands there twice or its weights are not known.
    """
    if not layers:
        raise InputError(
            "cannot measure which layers bear INT8: the network has none that can be quantized; use --precision fp16"
        )
    unknown = [layer for layer in layers if layer not in weights]
    if unknown:
        raise ValueError(f"cannot measure sensitivity: nobody counted the weights of {first_names(unknown)}")

    @cache
    def tried(quantized: frozenset[str]) -> float:
        dice = float(trial(quantized))
        return 0.0 if math.isnan(dice) else dice

    def figure(quantized: Collection[str]) -> float:
        dice = tried(frozenset(quantized))
        advance()
        return dice

    none_dice, all_dice = figure(()), figure(layers)
    measured = [
        LayerSensitivity(
            layer, none_dice - figure({layer}), figure(frozenset(layers) - {layer}) - all_dice, weights[layer]
        )
        for layer in layers
    ]
    return Sensitivity(tuple(measured), all_dice, none_dice)


def sensitivity_table(sensitivity: Sensitivity, restored: Collection[str] = ()) -> Table:
    """Lay *sensitivity* out, the layer to restore first on top. *restored*: the layers that stay in half precision."""
    rows = tuple(
        (
            each.layer,
            each.loss_alone,
            each.gain_restored,
            each.weights,
            "fp16" if each.layer in restored else "int8",
        )
        for each in sensitivity.sorted_layers
    )
    return Table(
        "What each layer costs in INT8, mean Dice to the trained network's masks",
        ("layer", "loss alone", "gain restored", "weights", "kept in"),
        rows,
        (
            f"Mean Dice {sensitivity.all_dice:.4f} with all {len(rows)} layers in INT8, "
            f"{sensitivity.none_dice:.4f} with none.",
            "Loss alone: only this layer in INT8. Gain restored: all but this layer in INT8.",
        ),
    )
