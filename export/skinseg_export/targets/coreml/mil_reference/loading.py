"""Read a package from disk with coremltools' own reader, and translate it into ours.

The reader (`frontend.milproto`) checks every operation against its definition and fills in the documented defaults.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import FileMissing, IntegrityFailed, ToolMissing, VerificationFailed
from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference.program import (
    Argument,
    Constant,
    MilInput,
    MilOperation,
    MilProgram,
    MilValue,
    Reference,
)
from skinseg_export.targets.coreml.mil_reference.registry import UnknownOperator

__all__ = ["load_program"]


def load_program(package: Path) -> MilProgram:
    """Read the .mlpackage folder *package*: specification and weights as they lie there.

    Raises FileMissing if there is no such folder, IntegrityFailed (naming the file) if a part of it is missing or
    damaged, VerificationFailed if it holds no ML program, UnknownOperator if coremltools lacks one of its operators,
    ToolMissing without coremltools.
    """
    if not package.is_dir():
        raise FileMissing(f"cannot read the Core ML package {package}: there is no such folder")
    spec, model_file = _specification(package)
    function = _function(spec, model_file)
    description = spec.description
    return MilProgram(
        path=package,
        specification_version=int(spec.specificationVersion),
        inputs=tuple(_input(feature, function.inputs[feature.name]) for feature in description.input),
        outputs=tuple(_value(variable) for variable in function.outputs),
        operations=tuple(_operation(node) for node in function.operations if node.op_type != "const"),
        constants=dict(_constants(function.operations)),
        metadata=_metadata(description.metadata),
    )


def _specification(package: Path) -> tuple[Any, Path]:
    """Return the specification and the file that holds it."""
    try:
        with quiet():
            from coremltools.libmodelpackage import ModelPackage
            from coremltools.proto import Model_pb2
    except ImportError as error:
        raise ToolMissing(
            "cannot evaluate the Core ML package: coremltools is not installed; run pip install 'skinseg-edge[coreml]'"
        ) from error
    try:
        model_file = Path(ModelPackage(str(package)).getRootModel().path())
    except Exception as error:  # the native library raises a bare RuntimeError, or worse
        raise _damaged(package / "Manifest.json", error) from error
    try:
        return Model_pb2.Model.FromString(model_file.read_bytes()), model_file
    except Exception as error:  # protobuf's error class depends on its back end
        raise _damaged(model_file, error) from error


def _function(spec: Any, model_file: Path) -> Any:
    """Return the program's function `main` as coremltools reads it."""
    if spec.WhichOneof("Type") != "mlProgram":
        raise VerificationFailed(
            f"cannot evaluate {model_file}: it holds a {spec.WhichOneof('Type')}, expected an mlProgram; export it anew"
        )
    weights = model_file.parent / "weights"
    missing = sorted(name for name in _weight_files(spec) if not (weights / name).is_file())
    if missing:
        raise IntegrityFailed(f"cannot read {weights / missing[0]}: there is no such file; export the package anew")
    with quiet():
        from coremltools.converters.mil.frontend.milproto.load import load

        try:
            return load(spec, spec.specificationVersion, str(weights)).functions["main"]
        except Exception as error:  # the reader raises whatever its checks stumble over
            _check_operators(spec, error)
            raise _damaged(model_file, error) from error


def _weight_files(spec: Any) -> set[str]:
    """Return the names of the files beside the specification that hold numbers."""
    operations = [operation for block in _blocks(spec) for operation in block.operations]
    values = [value for operation in operations for value in operation.attributes.values()]
    for operation in operations:
        values += [binding.value for bound in operation.inputs.values() for binding in bound.arguments]
    return {Path(value.blobFileValue.fileName).name for value in values if value.HasField("blobFileValue")}


def _blocks(spec: Any) -> list[Any]:
    return [
        block for function in spec.mlProgram.functions.values() for block in function.block_specializations.values()
    ]


def _check_operators(spec: Any, error: Exception) -> None:
    from coremltools.converters.mil import Builder

    for block in _blocks(spec):
        for place, operation in enumerate(block.operations):
            if not hasattr(Builder, operation.type):
                raise UnknownOperator(operation.type, operation.outputs[0].name, place) from error


def _damaged(path: Path, error: Exception) -> IntegrityFailed:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return IntegrityFailed(f"cannot read {path}: it is damaged ({reason[:200]}); export the package anew")


def _input(feature: Any, variable: Any) -> MilInput:
    value = _value(variable)
    if feature.type.WhichOneof("Type") != "imageType":
        return MilInput(value)
    image = feature.type.imageType
    sizes = [(size.height, size.width) for size in image.enumeratedSizes.sizes]
    return MilInput(
        value,
        colours=image.ColorSpace.Name(image.colorSpace),
        sizes=tuple(
            (int(rows), int(columns)) for rows, columns in sizes if (rows, columns) != (image.height, image.width)
        ),
    )


def _value(variable: Any) -> MilValue:
    from coremltools.converters.mil.mil import types

    shape = tuple(int(size) if isinstance(size, (int, np.integer)) else None for size in variable.shape)
    return MilValue(str(variable.name), str(types.builtin_to_string(variable.dtype)), shape)


def _operation(node: Any) -> MilOperation:
    inputs = {name: _argument(given) for name, given in node.inputs.items() if given is not None}
    outputs = tuple(_value(variable) for variable in node.outputs)
    return MilOperation(str(node.name), str(node.op_type), inputs, outputs)


def _argument(given: Any) -> Argument:
    if isinstance(given, (tuple, list)):
        return tuple(_single(variable) for variable in given)
    return _single(given)


def _single(variable: Any) -> Reference | Constant:
    if variable.op is not None and variable.op.op_type == "const":
        return Constant(str(variable.name), _plain(variable.val))
    return Reference(str(variable.name))


def _constants(operations: Iterable[Any]) -> Iterable[tuple[str, NDArray[Any] | str]]:
    for node in operations:
        if node.op_type == "const":
            yield str(node.outputs[0].name), _plain(node.outputs[0].val)


def _plain(value: Any) -> NDArray[Any] | str:
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    # A type of fewer than eight bits is marked by metadata of its dtype, which torch does not know.
    return array.astype(np.dtype(array.dtype.str)) if array.dtype.metadata else array


def _metadata(metadata: Any) -> Mapping[str, str]:
    own = {
        "description": metadata.shortDescription,
        "version": metadata.versionString,
        "author": metadata.author,
        "licence": metadata.license,
    }
    return {**own, **dict(metadata.userDefined)}
