"""A training run on disk: state to resume from, log, and what the run was started with.

Every file is written whole under a temporary name and renamed, so a kill at any moment leaves the last epoch intact.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import CheckpointMismatch, InputError, OutputRefused

__all__ = ["EpochRecord", "RunFolder"]


@dataclass(frozen=True)
class EpochRecord:
    """One line of the log. Epochs count from 1.

    *dice* and *iou* of the lesion and *mean_iou* of all classes, the background included, are pooled over validation
    pixels at *side* px.
    """

    epoch: int
    side: int
    learning_rate: float
    loss: float
    dice: float
    iou: float
    seconds: float
    mean_iou: float = 0.0


class RunFolder:
    """The folder *path* of one run: `run.json`, `state.pt`, `log.csv`, `curves.png`, `best.safetensors`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def best(self) -> Path:
        """The weights of the best epoch so far."""
        return self.path / "best.safetensors"

    @property
    def _state(self) -> Path:
        return self.path / "state.pt"

    @property
    def log(self) -> Path:
        """The log, a line an epoch."""
        return self.path / "log.csv"

    @property
    def curves(self) -> Path:
        """The picture of loss and Dice over epochs."""
        return self.path / "curves.png"

    def open(self, description: Mapping[str, Any]) -> None:
        """Create the folder, or check that it holds a run with the same *description*.

        A run that stopped before its first epoch ended has nothing to lose and is described anew.

        Raises InputError if another run lives there, OutputRefused if the folder holds other files or cannot be
        written.
        """
        document = json.dumps(description, indent=2, sort_keys=True) + "\n"
        described = self.path / "run.json"
        if not described.is_file() and self.path.is_dir() and any(self.path.iterdir()):
            raise OutputRefused(
                f"cannot train in {self.path}: it holds files and no run; choose an empty or new folder with -o"
            )
        if self._state.is_file() and described.is_file() and described.read_bytes() != document.encode():
            other = _differences(described.read_bytes(), description)
            raise InputError(
                f"cannot resume in {self.path}: it holds a run with other settings (see {other} in run.json); "
                "give those, or choose another folder with -o"
            )
        write_bytes_atomically(described, document.encode())

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep everything that the next epoch needs."""
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        write_bytes_atomically(self._state, buffer.getvalue())

    def state_bytes(self) -> bytes | None:
        """Return the file that `save_state` wrote last, None in a fresh folder."""
        return self._state.read_bytes() if self._state.is_file() else None

    def lanes(self) -> int | None:
        """Return how many lanes the pictures of the run here are dealt to, None if no epoch of a run has ended here."""
        described = self.path / "run.json"
        if not self._state.is_file() or not described.is_file():
            return None
        try:
            lanes = json.loads(described.read_bytes()).get("lanes", 1)
        except (ValueError, AttributeError):
            return None  # `open` will tell what is wrong with it
        return lanes if isinstance(lanes, int) and lanes > 0 else None

    def state_from(self, data: bytes) -> dict[str, Any]:
        """Return what `save_state` was given, from its file.

        Raises CheckpointMismatch if the file is damaged.
        """
        try:
            state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            raise self.damaged(error) from error
        if not isinstance(state, dict):
            raise self.damaged(TypeError("no dict"))
        return state

    def damaged(self, error: Exception) -> CheckpointMismatch:
        """Make the error for a state that cannot be resumed from; the caller raises it."""
        return CheckpointMismatch(
            f"cannot resume in {self.path}: {self._state.name} is damaged ({type(error).__name__}); "
            "delete the folder or choose another with -o"
        )

    def write_log(self, records: Sequence[EpochRecord]) -> None:
        """Write the log anew."""
        text = io.StringIO()
        writer = csv.DictWriter(text, [field.name for field in fields(EpochRecord)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(record) for record in records)
        write_bytes_atomically(self.log, text.getvalue().encode())


def _differences(written: bytes, description: Mapping[str, Any]) -> str:
    """Return the names of the settings that differ from those of *written*, a run.json."""
    try:
        known = json.loads(written)
        names = sorted(name for name in known.keys() | description if known.get(name) != description.get(name))
    except (ValueError, AttributeError):
        return "what is damaged"
    return ", ".join(names) or "what was written by hand"
