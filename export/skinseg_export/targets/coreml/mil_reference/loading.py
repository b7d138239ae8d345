"""Read a package from disk with coremltools' own reader, and translate it into ours.

The reader (`frontend.milproto`) checks every operation against its definition and fills in the documented defaults.
"""

import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference.package_files import damaged, specification, weight_folder
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
    spec, model_file = specification(package)
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


def _function(spec: Any, model_file: Path) -> Any:
    """Return the program's function `main` as coremltools reads it."""
    weights = weight_folder(spec, model_file)
    with quiet():
        from coremltools.converters.mil.frontend.milproto.load import load

        try:
            return load(spec, spec.specificationVersion, str(weights)).functions["main"]
        except Exception as error:  # the reader raises whatever its checks stumble over
            _check_operators(spec, error)
            frames = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
            raise damaged(weights / "weight.bin" if "_load_value" in frames else model_file, error) from error


def _check_operators(spec: Any, error: Exception) -> None:
    from coremltools.converters.mil import Builder

    function = spec.mlProgram.functions["main"]
    for place, operation in enumerate(function.block_specializations[function.opset].operations):
        if not hasattr(Builder, operation.type):
            raise UnknownOperator(operation.type, operation.outputs[0].name, place) from error


def _input(feature: Any, variable: Any) -> MilInput:
    value = _value(variable)
    if feature.type.WhichOneof("Type") != "imageType":
        return MilInput(value)
    image = feature.type.imageType
    sizes = [(image.height, image.width), *((size.height, size.width) for size in image.enumeratedSizes.sizes)]
    if image.HasField("imageSizeRange"):
        sizes = []
    return MilInput(
        value,
        colours=image.ColorSpace.Name(image.colorSpace),
        sizes=tuple(dict.fromkeys((int(rows), int(columns)) for rows, columns in sizes)),
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
