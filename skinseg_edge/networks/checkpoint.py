"""Trained weights on disk: safetensors with the network's name, options and contract in the header."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch, FileMissing, UnknownName
from skinseg_edge.networks.foreign_weights import renamed, usual_contract
from skinseg_edge.networks.registry import create, names
from skinseg_edge.networks.weight_file import CHECKPOINT_SCHEMA, HEADER, fill, read_weights

__all__ = ["CHECKPOINT_SCHEMA", "Checkpoint", "checkpoint_path", "load_checkpoint", "save_checkpoint", "shipped_names"]

_WEIGHTS = Path(__file__).parent.parent / "weights"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A network with its weights and everything needed to use and to explain it.

    *network*: in eval mode, returns logits. *training*: recipe, data, epochs and scores, plain JSON values.
    *card*: the model card in Markdown, if there is one. *sha256*: of the weight file, empty for fresh weights.
    *source*: a name to show (a file name, a shipped name). *trained*: False for fresh weights.
    """

    network: nn.Module
    network_name: str
    contract: ModelContract
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    card: str | None = None
    sha256: str = ""
    source: str = ""
    trained: bool = True


def shipped_names() -> tuple[str, ...]:
    """Return the names of the checkpoints that come with the project, sorted."""
    return tuple(sorted(path.stem for path in _WEIGHTS.glob("*.safetensors")))


def checkpoint_path(path_or_name: str | Path) -> Path:
    """Return the file of a checkpoint that is named by its path or, if shipped, by its name.

    Raises FileMissing, UnknownName or CheckpointMismatch if it is neither.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    shipped = _WEIGHTS / f"{path_or_name}.safetensors"
    if path.name == str(path_or_name) and shipped.is_file():
        return shipped
    known = ", ".join(shipped_names()) or "none"
    if path.is_dir():
        kind = (
            "a bundle, which holds no weights to train or export" if (path / "manifest.json").is_file() else "a folder"
        )
        raise CheckpointMismatch(f"cannot load checkpoint {path}: it is {kind}; name a .safetensors or .pt file")
    if path.suffix or len(path.parts) > 1:
        raise FileMissing(f"cannot load checkpoint {path}: there is no such file (shipped models: {known})")
    raise UnknownName(
        f"cannot load checkpoint {str(path_or_name)!r}: no such file and no shipped model; shipped: {known}"
    )


def load_checkpoint(
    path_or_name: str | Path,
    *,
    network_name: str | None = None,
    contract: ModelContract | None = None,
    options: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Load a checkpoint file or a shipped one by its name.

    *network_name*, *contract*, *options*: for a foreign state dict (`.pt`, `.pth`, or safetensors without this
    project's header), which does not name them. Known foreign names are mapped to ours. A header goes before them;
    the contract defaults to 256 x 256 px and the values that the weights are known to expect.

    Raises FileMissing if there is neither such a file nor a shipped name, CheckpointMismatch if the weights do not
    fit the network, SchemaUnknown if another version wrote the file.
    """
    path = checkpoint_path(path_or_name)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    state, header = read_weights(path, content)
    if header is None and network_name is None:
        raise CheckpointMismatch(
            f"cannot load {path.name}: it does not say which network it belongs to; name it with --network "
            f"({', '.join(names())})"
        )
    document = header or {}
    stored_name = document.get("network")
    if network_name is not None and stored_name is not None and network_name != stored_name:
        raise CheckpointMismatch(f"cannot load {path.name} into {network_name}: its weights are those of {stored_name}")
    name = str(stored_name or network_name)
    if header is None:
        chosen, chosen_options = contract or usual_contract(name, state), dict(options or {})
        state = renamed(name, state)
    else:
        chosen, chosen_options = ModelContract.from_json(header["contract"]), header["options"]
    network = create(name, len(chosen.classes), **chosen_options)
    fill(network, state, what=f"{path.name} into {name}")
    card_path = path.with_suffix(".md")
    return Checkpoint(
        network=network.eval(),
        network_name=name,
        contract=chosen,
        options=chosen_options,
        training=document.get("training", {}),
        card=card_path.read_text(encoding="utf-8") if card_path.is_file() else None,
        sha256=sha256,
        source=path.name,
    )


def save_checkpoint(
    path: str | Path,
    state: Mapping[str, Tensor],
    *,
    network_name: str,
    contract: ModelContract,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write *state* (a network's `state_dict()`) with its description to *path*, whole or not at all.

    Raises OutputRefused if *path* exists and not overwrite, or cannot be written.
    """
    from safetensors.torch import save

    header = {
        "schema": CHECKPOINT_SCHEMA,
        "network": network_name,
        "options": dict(options or {}),
        "contract": contract.to_json(),
        "training": dict(training or {}),
    }
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    content = save(tensors, metadata={HEADER: json.dumps(header, sort_keys=True)})
    write_bytes_atomically(Path(path), content, overwrite=overwrite)
