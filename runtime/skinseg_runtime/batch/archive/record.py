"""`batch.json`: what an output folder holds the results of, and how far they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from skinseg_edge.atomic_files import write_json_atomically
from skinseg_edge.errors import OutputRefused
from skinseg_edge.strict_json import parse_object, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skinseg_runtime.batch.work import Work

__all__ = ["RECORD_NAME", "SCHEMA", "Asked", "Record", "State"]

RECORD_NAME = "batch.json"
SCHEMA = "skinseg.batch/1"

State = Literal["running", "interrupted", "failed", "done"]

_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True)
class Asked:
    """What results follow from: the *source*, as told (see `BatchSource.text`), and the *work*'s identity."""

    source: str
    work: Mapping[str, object]

    @classmethod
    def of(cls, source: str, work: Work) -> Asked:
        """Take both by what they say of themselves."""
        identity: Mapping[str, object] = json.loads(work.identity)
        return cls(source, identity)

    def difference(self, other: Asked) -> str | None:
        """Say in words what *other* asks differently, None if it asks the same."""
        mine, others = {"source": self.source, **self.work}, {"source": other.source, **other.work}
        names = [name for name in {**mine, **others} if mine.get(name) != others.get(name)]
        parts = [f"{name} was {shown(mine.get(name))} and is {shown(others.get(name))}" for name in names]
        return "; ".join(parts) or None


@dataclass(frozen=True)
class Record:
    """What stands in `batch.json`; *starts*: how many times the command was started for these results."""

    asked: Asked
    starts: int

    @classmethod
    def read(cls, output: Path) -> Record | None:
        """Read the record of an output folder, None if there is none.

        Raises OutputRefused if it cannot be read: then nobody knows what the folder holds.
        """
        path = output / RECORD_NAME
        mend = "add --force to start anew, or choose another folder"
        try:
            with path.open("rb") as stream:
                document = parse_object(stream.read(_LARGEST), str(path), mend=mend, error_class=OutputRefused)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputRefused(f"cannot read {path}: {error.strerror}; {mend}") from error
        match document:
            case {"schema": "skinseg.batch/1", "source": str(source), "asked": dict(work), "starts": int(starts)}:
                return cls(Asked(source, work), max(0, starts))
        raise OutputRefused(f"cannot read {path}: it is no record of skinseg-batch of this version; {mend}")

    def write(self, output: Path, state: State, rest: Mapping[str, object]) -> None:
        """Write it to an output folder; *rest*: what else it tells.

        Raises OutputRefused if the system refuses.
        """
        document = {
            "schema": SCHEMA,
            "state": state,
            "source": self.asked.source,
            "asked": dict(self.asked.work),
            "identity": hashlib.sha256(json.dumps(self.asked.work, sort_keys=True).encode()).hexdigest(),
            "starts": self.starts,
            **rest,
        }
        write_json_atomically(output / RECORD_NAME, document)
