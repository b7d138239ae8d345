"""Where the parts of an .mlpackage folder lie: Manifest.json names the specification; the weights lie beside that.

Read without Apple's library for packages, which makes a manifest where it finds none.
"""

from pathlib import Path
from typing import Any

from skinseg_edge.errors import FileMissing, IntegrityFailed, ToolMissing, VerificationFailed
from skinseg_edge.strict_json import parse_object
from skinseg_export.foreign_noise import quiet

__all__ = ["damaged", "specification", "weight_folder"]

_MEND = "so the package is damaged; export it anew"


def specification(package: Path) -> tuple[Any, Path]:
    """Return the model specification (coremltools' protobuf message) of *package*, and the file that holds it.

    Raises FileMissing if there is no such folder, IntegrityFailed (naming the file) if a part of it is missing or
    damaged, VerificationFailed if it holds no ML program, ToolMissing without coremltools.
    """
    if not package.is_dir():
        raise FileMissing(f"cannot read the Core ML package {package}: there is no such folder")
    try:
        with quiet():
            from coremltools.proto import Model_pb2
    except ImportError as error:
        raise ToolMissing(
            "cannot evaluate the Core ML package: coremltools is not installed; run pip install 'skinseg-edge[coreml]'"
        ) from error
    path = _root_model(package)
    spec: Any = Model_pb2.Model()
    try:
        spec.ParseFromString(_bytes(path))
    except Exception as error:
        if isinstance(error, IntegrityFailed):
            raise
        raise damaged(path, error) from error  # the class of protobuf's error depends on its back end
    if spec.WhichOneof("Type") != "mlProgram" or "main" not in spec.mlProgram.functions:
        raise VerificationFailed(
            f"cannot evaluate {path}: it holds {spec.WhichOneof('Type') or 'no model'}, expected an mlProgram with a "
            "function main; export it anew"
        )
    return spec, path


def weight_folder(spec: Any, model_file: Path) -> Path:
    """Return the folder with the weights of *spec*.

    Raises IntegrityFailed if a file that *spec* names is not there.
    """
    folder = model_file.parent / "weights"
    for name in sorted(_weight_files(spec)):
        if not (folder / name).is_file():
            raise IntegrityFailed(f"cannot read {folder / name}: there is no such file, {_MEND}")
    return folder


def damaged(path: Path, error: Exception) -> IntegrityFailed:
    """Return the error to raise for the file *path*, which *error* came from."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return IntegrityFailed(f"cannot read {path}: {reason[:200]}, {_MEND}")


def _root_model(package: Path) -> Path:
    """Return the specification's file, as the manifest names it."""
    path = package / "Manifest.json"
    manifest = parse_object(_bytes(path), str(path), mend=_MEND, error_class=IntegrityFailed)
    entries, root = manifest.get("itemInfoEntries"), manifest.get("rootModelIdentifier")
    entry = entries.get(root) if isinstance(entries, dict) and isinstance(root, str) else None
    part = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(part, str) or not (package / "Data" / part).resolve().is_relative_to(package.resolve()):
        raise IntegrityFailed(f"cannot read {path}: it names no root model inside the package, {_MEND}")
    return package / "Data" / part


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IntegrityFailed(f"cannot read {path}: {error.strerror}, {_MEND}") from error


def _weight_files(spec: Any) -> set[str]:
    """Return the names of the files beside the specification that hold numbers."""
    functions = spec.mlProgram.functions.values()
    blocks = [block for function in functions for block in function.block_specializations.values()]
    operations = [operation for block in blocks for operation in block.operations]
    values = [value for operation in operations for value in operation.attributes.values()]
    for operation in operations:
        values += [binding.value for bound in operation.inputs.values() for binding in bound.arguments]
    return {Path(value.blobFileValue.fileName).name for value in values if value.HasField("blobFileValue")}
