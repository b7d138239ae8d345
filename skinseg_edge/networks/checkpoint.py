"""Trained weights on disk: safetensors with the network's name, options and contract in the header.

A foreign `.pt` file is read with `weights_only=True`, so nothing in it is executed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch, FileMissing, SchemaUnknown, UnknownName
from skinseg_edge.networks.registry import create, names

__all__ = ["CHECKPOINT_SCHEMA", "Checkpoint", "load_checkpoint", "save_checkpoint", "shipped_names"]

CHECKPOINT_SCHEMA = "skinseg.checkpoint/1"
_HEADER = "skinseg"
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


def load_checkpoint(
    path_or_name: str | Path,
    *,
    network_name: str | None = None,
    contract: ModelContract | None = None,
    options: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Load a checkpoint file or a shipped one by its name.

    *network_name*, *contract*, *options*: for a foreign state dict (`.pt`, `.pth`, or safetensors without this
    project's header), which does not name them; the contract defaults to 256 x 256 px. A header goes before them.

    Raises FileMissing if there is neither such a file nor a shipped name, CheckpointMismatch if the weights do not
    fit the network, SchemaUnknown if another version wrote the file.
    """
    path = _resolve(path_or_name)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    state, header = _read_state(path, content)
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
    options = document["options"] if header else dict(options or {})
    chosen = ModelContract.from_json(document["contract"]) if header else contract or ModelContract(input_hw=(256, 256))
    network = create(name, len(chosen.classes), **options)
    _load_weights(network, state, what=f"{path.name} into {name}")
    card_path = path.with_suffix(".md")
    return Checkpoint(
        network=network.eval(),
        network_name=name,
        contract=chosen,
        options=options,
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
    content = save(tensors, metadata={_HEADER: json.dumps(header, sort_keys=True)})
    write_bytes_atomically(Path(path), content, overwrite=overwrite)


def _load_weights(network: nn.Module, state: Mapping[str, Tensor], *, what: str) -> None:
    """Copy *state* into *network*; *what* names both in the error.

    Raises CheckpointMismatch with the first names that are missing, foreign, of another shape or not finite.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in state]
    foreign = [name for name in state if name not in wanted]
    reshaped = [
        f"{name} is {tuple(state[name].shape)}, expected {tuple(wanted[name].shape)}"
        for name in wanted
        if name in state and state[name].shape != wanted[name].shape
    ]
    faults = [
        f"{len(found)} {kind} (first: {found[0]})"
        for kind, found in (("weights missing", missing), ("foreign", foreign), ("of another shape", reshaped))
        if found
    ]
    if faults:
        raise CheckpointMismatch(f"cannot load {what}: {'; '.join(faults)}; name the network these weights belong to")
    broken = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        raise CheckpointMismatch(
            f"cannot load {what}: {len(broken)} weights hold NaN or infinity (first: {broken[0]}), so its training "
            "diverged; use an earlier checkpoint"
        )
    network.load_state_dict(dict(state))


def _resolve(path_or_name: str | Path) -> Path:
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


def _read_state(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    if path.suffix == ".safetensors":
        return _read_safetensors(path, content)
    return _read_torch(path), None


def _read_safetensors(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        header = json.loads(metadata[_HEADER]) if _HEADER in metadata else None
    except (SafetensorError, ValueError) as error:
        raise CheckpointMismatch(
            f"cannot read {path.name}: it is no whole safetensors file ({error}); copy it again"
        ) from error
    return state, None if header is None else _checked_header(path, header)


def _checked_header(path: Path, header: object) -> dict[str, Any]:
    """Return the description that `save_checkpoint` wrote, once it has the parts that are read."""
    found = header if isinstance(header, dict) else {}
    if found.get("schema") != CHECKPOINT_SCHEMA:
        raise SchemaUnknown(
            f"cannot read {path.name}: its schema is {found.get('schema')!r}, this version reads "
            f"{CHECKPOINT_SCHEMA!r}; update skinseg-edge or train again"
        )
    for part, kind in (("network", str), ("options", dict), ("contract", dict), ("training", dict)):
        if not isinstance(found.get(part), kind):
            raise CheckpointMismatch(
                f"cannot read {path.name}: the {part} in its header is {found.get(part)!r}, expected what "
                "skinseg-train writes; get the file from its maker again"
            )
    return found


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a foreign or hostile file
        raise CheckpointMismatch(
            f"cannot read {path.name}: it is no plain state dict ({type(error).__name__}); "
            "save one with torch.save(network.state_dict(), ...) or as safetensors"
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointMismatch(f"cannot read {path.name}: expected a dict of tensors, as network.state_dict() gives")
    return state
