"""Who made a DICOM object, and the numbers by which the world tells it from every other."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from skinseg_edge._version import __version__

__all__ = ["MANUFACTURER", "Network", "uid_of"]

MANUFACTURER = "skinseg-edge"

_LONGEST_NAME = 64  # characters of a DICOM string (LO)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network behind an outline: *name* as its bundle has it, *bundle_sha256*: digest of that bundle, hex.

    *engine*, *precision*: what ran it, such as "onnxruntime" and "fp32"; None where nobody told.
    """

    name: str
    bundle_sha256: str
    engine: str | None = None
    precision: str | None = None

    @classmethod
    def from_row(cls, model: Mapping[str, object]) -> "Network":
        """Take it from what a row of results.jsonl says about its model."""
        told = {name: value for name in ("engine", "precision") if isinstance(value := model.get(name), str)}
        return cls(name=str(model["name"]), bundle_sha256=str(model["bundle_sha256"]), **told)

    @property
    def title(self) -> str:
        """The name, as short as DICOM asks for and without what separates values there."""
        return self.name.replace("\\", "/")[:_LONGEST_NAME]

    @property
    def version(self) -> str:
        """What tells this network from others of its name: the beginning of its bundle's digest."""
        return self.bundle_sha256[:16]

    @property
    def parameters(self) -> dict[str, str]:
        """What made an outline of a photograph."""
        known = {"engine": self.engine, "precision": self.precision}
        told = {name: value for name, value in known.items() if value is not None}
        return {"bundle_sha256": self.bundle_sha256, **told, "skinseg_edge": __version__}


def uid_of(*parts: str | bytes) -> str:
    """Derive a UID from *parts*, the same from the same: a UUID as a decimal number (PS3.5, B.2).

    >>> uid_of("series", "1.2.3") == uid_of("series", "1.2.3"), uid_of("a", "b") == uid_of("ab")
    (True, False)
    """
    digests = (hashlib.sha256(part.encode() if isinstance(part, str) else part).digest() for part in parts)
    whole = hashlib.sha256(b"".join(digests)).digest()
    return f"2.25.{uuid.UUID(bytes=whole[:16], version=5).int}"
