"""The same package from the same network: what coremltools draws by lot or takes from the clock is replaced.

After `settle`, two exports of one network by one installation give equal folders, byte for byte. What stays and may
differ elsewhere:

- the versions of coremltools and torch, which the specification names (metadata and `buildInfo`), with the names of
  operators and the order of weights that these versions choose;
- the serialization of the specification, which protobuf promises within one version only;
- the last digit of w8a8's ranges and of constants folded by the converter, which another processor may round otherwise.
"""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from skinseg_edge.strict_json import canonical_bytes
from skinseg_export.foreign_noise import quiet

__all__ = ["settle"]

_DATE = "com.github.apple.coremltools.conversion_date"
_MANIFEST = "Manifest.json"
_SPECIFICATION = Path("Data/com.apple.CoreML/model.mlmodel")


def settle(folder: Path) -> None:
    """Rewrite the saved package at *folder* so that its bytes follow from its content.

    The specification loses the day of conversion and is serialized in one order; the identifiers of the manifest are
    made from the hashes of what they name; every file can be read by others.
    """
    _settle_specification(folder / _SPECIFICATION)
    _settle_manifest(folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # coremltools leaves one file readable by its owner only


def _settle_specification(path: Path) -> None:
    with quiet():
        from coremltools.proto import Model_pb2
    specification: Any = Model_pb2.Model()  # made from a description at import, so its attributes have no types
    specification.ParseFromString(path.read_bytes())
    specification.description.metadata.userDefined.pop(_DATE, None)
    path.write_bytes(specification.SerializeToString(deterministic=True))


def _settle_manifest(folder: Path) -> None:
    manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
    items = manifest["itemInfoEntries"]
    names = {identifier: _identifier(folder, item["path"]) for identifier, item in items.items()}
    manifest["itemInfoEntries"] = {names[identifier]: item for identifier, item in items.items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    (folder / _MANIFEST).write_bytes(canonical_bytes(manifest))


def _identifier(folder: Path, item: str) -> str:
    """Return a UUID made from the path of an item below `Data` and from the bytes of its files."""
    place = folder / "Data" / item
    digest = hashlib.sha256(item.encode())
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return str(uuid.UUID(bytes=digest.digest()[:16], version=4))
