"""Networks by name: the shipped ones and the user's own."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, TypeAlias

from torch import nn

from skinseg_edge.errors import InputError
from skinseg_edge.known_names import unknown_name
from skinseg_edge.networks.baselines import AttentionUNet, UNetPlusPlus, deeplabv3, fpn
from skinseg_edge.networks.cmssm import CMSSM
from skinseg_edge.networks.hhbsnet import HHBSNet
from skinseg_edge.networks.scsonet import SCSONet
from skinseg_edge.networks.ulffn import ULFFN
from skinseg_edge.networks.unet import UNet

__all__ = ["NetworkFactory", "create", "names", "register"]


# `classes` first, the network's own options behind; it maps N x 3 x H x W float32 to logits N x classes x H x W.
NetworkFactory: TypeAlias = Callable[..., nn.Module]

_factories: dict[str, NetworkFactory] = {
    "attention-unet": AttentionUNet,
    "cmssm": CMSSM,
    "deeplabv3": deeplabv3,
    "fpn": fpn,
    "hhbsnet": HHBSNet,
    "scsonet": SCSONet,
    "ulffn": ULFFN,
    "unet": UNet,
    "unet++": UNetPlusPlus,
}


def names() -> tuple[str, ...]:
    """Return the names that `create` knows, sorted."""
    return tuple(sorted(_factories))


def create(name: str, classes: int = 1, /, **options: Any) -> nn.Module:
    """Make the network *name* with fresh weights; it returns logits.

    *classes*: number of output maps, 1 for lesion against skin. *options*: the network's own constructor options
    (widths, ablation switches).

    Raises UnknownName if nothing is registered under *name*, InputError if it refuses an option, ToolMissing if it
    comes from a library that is not installed.
    """
    factory = _factories.get(name)
    if factory is None:
        raise unknown_name("network", name, names())
    if classes < 1:
        raise InputError(f"cannot create network {name!r}: classes is {classes}, expected 1 or more")
    _check_switches(name, factory, options)
    try:
        return factory(classes, **_tuples_for_lists(options))
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: torch, of negative sizes
        raise InputError(f"cannot create network {name!r} with {options}: {error}") from error


def register(name: str, factory: NetworkFactory) -> None:
    """Make the user's own network available to `create`, training and export under *name*.

    Raises InputError if the name is taken by another factory.
    """
    if _factories.get(name, factory) is not factory:
        raise InputError(f"cannot register network {name!r}: the name is taken; choose another")
    _factories[name] = factory


def _check_switches(name: str, factory: NetworkFactory, options: Mapping[str, Any]) -> None:
    # To Python every word is true: "off" would leave on what an ablation takes away.
    for option, parameter in signature(factory).parameters.items():
        if isinstance(parameter.default, bool) and not isinstance(options.get(option, True), bool):
            raise InputError(
                f"cannot create network {name!r}: {option} is {options[option]!r}, expected true or false; it is "
                f"{str(parameter.default).lower()} when left out"
            )


def _tuples_for_lists(options: Mapping[str, Any]) -> dict[str, Any]:
    # Options travel through JSON, which has no tuples.
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
