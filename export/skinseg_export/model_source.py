"""What MODEL means on the command line: a shipped model, a checkpoint file, or a fresh network to try targets with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import lesion_classes_of
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.known_names import unknown_name
from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint, shipped_names
from skinseg_export.network_shapes import check_network_shapes

__all__ = ["UNTRAINED_CONTRACT", "Variant", "load_model"]

UNTRAINED_CONTRACT = ModelContract(input_hw=(256, 256))


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What a checkpoint file says of itself, and a fresh network or a plain state dict does not.

    *options*: of the network's constructor. *classes*: names, background first; empty is the usual single lesion class.
    *input_size*: side of the square input, px; None is 256.
    """

    options: Mapping[str, object] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    input_size: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said."""
        return not self.options and not self.classes and self.input_size is None

    @property
    def contract(self) -> ModelContract:
        """The contract of a model with these classes and this size.

        Raises ContractInvalid if one of them breaks its rule.
        """
        if self.is_plain:
            return UNTRAINED_CONTRACT
        side = UNTRAINED_CONTRACT.input_hw[0] if self.input_size is None else self.input_size
        classes = self.classes or UNTRAINED_CONTRACT.classes
        return ModelContract(input_hw=(side, side), classes=classes, lesion_classes=lesion_classes_of(classes))


def load_model(
    model: str, *, network: str | None = None, untrained: bool = False, variant: Variant | None = None
) -> Checkpoint:
    """Load what *model* names.

    *network*: the network of a `.pt` file, which does not say it. *untrained*: *model* is a name of the registry and
    gets fresh weights, the same every time. *variant*: options, classes and size of such a fresh network or `.pt` file.

    Raises FileMissing or UnknownName if nothing is called so, CheckpointMismatch if the weights belong to another
    network, InputError if *network* and *untrained* contradict each other, the checkpoint already says what *variant*
    says, or the network does not fit its contract.
    """
    variant = variant or Variant()
    if untrained:
        return _fresh(model, network, variant)
    is_file = Path(model).is_file()
    if not is_file and model in networks.names() and model not in shipped_names():
        raise UnknownName(
            f"cannot export {model!r}: no trained weights of it are shipped (shipped: "
            f"{', '.join(shipped_names()) or 'none'}); name a checkpoint file, or add --untrained to try targets"
        )
    if not is_file and Path(model).name == model and not Path(model).suffix and model not in shipped_names():
        raise unknown_name("model", model, shipped_names())
    # What nobody says is left to the weights: those of the public SCSONet tell their range of values by their names.
    contract = None if variant.is_plain else variant.contract
    checkpoint = load_checkpoint(model, network_name=network, contract=contract, options=variant.options)
    if contract is not None and checkpoint.contract is not contract:
        raise InputError(
            f"cannot give {model} other options, classes or size: its file says them; leave out --option, --classes "
            "and --input-size"
        )
    check_network_shapes(checkpoint.network, checkpoint.contract, name=checkpoint.network_name)
    return checkpoint


def _fresh(name: str, network: str | None, variant: Variant) -> Checkpoint:
    if network is not None and network != name:
        raise InputError(f"cannot export {name} untrained: --network says {network}; leave one of the two out")
    if name not in networks.names():
        raise unknown_name("network", name, networks.names())
    contract = variant.contract
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = networks.create(name, len(contract.classes), **variant.options).eval()
    check_network_shapes(fresh, contract, name=name)
    return Checkpoint(
        network=fresh,
        network_name=name,
        contract=contract,
        options=variant.options,
        source=f"{name} (untrained)",
        trained=False,
    )
