"""Weight files: what is read of one, and how its weights get into a network. Nothing in a file is executed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.errors import CheckpointMismatch, SchemaUnknown

__all__ = ["CHECKPOINT_SCHEMA", "HEADER", "fill", "read_weights"]

CHECKPOINT_SCHEMA = "skinseg.checkpoint/1"
HEADER = "skinseg"  # the key of this project's description in a safetensors file
_INNER = ("state_dict", "model_state_dict")  # where training scripts keep the weights beside the optimizer's state


def read_weights(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Return the weights in *content*, the bytes of *path*, and the description that this project wrote beside them.

    A foreign file has no description: None. A `.pt` or `.pth` file is read with `weights_only=True`.

    Raises CheckpointMismatch if the file is damaged or no state dict, SchemaUnknown if another version wrote it.
    """
    if path.suffix == ".safetensors":
        return _read_safetensors(path, content)
    return _read_torch(path), None


def fill(network: nn.Module, state: Mapping[str, Tensor], *, what: str) -> None:
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


def _read_safetensors(path: Path, content: bytes) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        header = json.loads(metadata[HEADER]) if HEADER in metadata else None
    except (SafetensorError, ValueError, RecursionError) as error:
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
    inner = next((loaded[key] for key in _INNER if key in loaded), loaded) if isinstance(loaded, dict) else None
    if not isinstance(inner, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in inner.items()
    ):
        raise CheckpointMismatch(f"cannot read {path.name}: expected a dict of tensors, as network.state_dict() gives")
    return inner
