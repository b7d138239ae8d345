"""What MODEL means on the command line: a shipped model, a checkpoint file, or a fresh network to try targets with."""

from pathlib import Path

import torch

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.known_names import unknown_name
from skinseg_edge.networks.checkpoint import Checkpoint, load_checkpoint, shipped_names

__all__ = ["UNTRAINED_CONTRACT", "load_model"]

UNTRAINED_CONTRACT = ModelContract(input_hw=(256, 256))


def load_model(model: str, *, network: str | None = None, untrained: bool = False) -> Checkpoint:
    """Load what *model* names.

    *network*: the network of a `.pt` file, which does not say it. *untrained*: *model* is a name of the registry and
    gets fresh weights, the same every time.

    Raises FileMissing or UnknownName if nothing is called so, CheckpointMismatch if the weights belong to another
    network, InputError if *network* and *untrained* contradict each other.
    """
    if untrained:
        return _fresh(model, network)
    is_file = Path(model).is_file()
    if not is_file and model in networks.names() and model not in shipped_names():
        raise UnknownName(
            f"cannot export {model!r}: no trained weights of it are shipped (shipped: "
            f"{', '.join(shipped_names()) or 'none'}); name a checkpoint file, or add --untrained to try targets"
        )
    if not is_file and Path(model).name == model and not Path(model).suffix and model not in shipped_names():
        raise unknown_name("model", model, shipped_names())
    return load_checkpoint(model, network_name=network)


def _fresh(name: str, network: str | None) -> Checkpoint:
    if network is not None and network != name:
        raise InputError(f"cannot export {name} untrained: --network says {network}; leave one of the two out")
    if name not in networks.names():
        raise unknown_name("network", name, networks.names())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = networks.create(name).eval()
    return Checkpoint(
        network=fresh, network_name=name, contract=UNTRAINED_CONTRACT, source=f"{name} (untrained)", trained=False
    )
