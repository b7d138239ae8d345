"""What a Core ML package is made of: its kind, its face towards an app, its operators, its size."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import VerificationFailed
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.targets.coreml.description import own_entries
from skinseg_export.targets.coreml.mil_reference.package_files import specification, weight_folder
from skinseg_export.targets.coreml.operators_by_target import OperatorUse, check_operators, operator_uses
from skinseg_export.targets.coreml.options import CoremlOptions, enumerated_sizes
from skinseg_export.targets.coreml.program_graph import CLASS_MAP_NAME

__all__ = ["Structure", "check_structure"]

_SPECIFICATIONS = {17: (8, "CoreML7"), 18: (9, "CoreML8")}  # iOS: version of the specification, and of its operators
_WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
_HIGHEST_RANK = 5  # of a tensor in an ML program
_BYTES_EACH = {"fp32": 4.0, "fp16": 2.0, "int8": 1.0, "w8a8": 1.0, "int4": 0.5, "palettized": 0.5}


@dataclass(frozen=True)
class Structure:
    """*weights_bytes*: of the weight file. *casts*: operators that change a type. *types*: how many values have each.

    *compute_units*: what the package recommends to load it with. *sizes*: (rows, columns) that it takes, px.
    """

    specification_version: int
    operators: tuple[OperatorUse, ...]
    types: Mapping[str, int]
    weights_bytes: int
    compute_units: str
    sizes: tuple[tuple[int, int], ...]

    @property
    def casts(self) -> int:
        """How many operators only change a type."""
        return sum(use.count for use in self.operators if use.kind == "cast")

    def checks(self) -> dict[str, float | str | bool]:
        """Return the figures for the manifest."""
        return {
            "specification_version": self.specification_version,
            "operations": sum(use.count for use in self.operators),
            "operation_kinds": ", ".join(f"{use.kind} {use.count}" for use in self.operators),
            "weights_mib": round(self.weights_bytes / 2**20, 2),
        }


def check_structure(folder: Path, contract: ModelContract, options: CoremlOptions, *, parameters: int) -> Structure:
    """Check the package at *folder* and return what it is made of.

    *options*: what it was made with. *parameters*: how many numbers the network has; the weight file must hold about as
    many.

    Raises VerificationFailed if the specification, its input or outputs, an operator, a tensor's rank or the size of
    the weights is not what *contract*, *options* and *parameters* say, FileMissing if there is no such folder,
    IntegrityFailed (naming the file) if a part of it is missing or damaged, ToolMissing without coremltools.
    """
    spec, model_file = specification(folder)
    weight_folder(spec, model_file)  # raises if a file is missing
    version, opset = _SPECIFICATIONS[options.ios]
    _expect("specification version", spec.specificationVersion, version)
    _expect("version of operators", spec.mlProgram.functions["main"].opset, opset)
    sizes = _check_input(spec.description, enumerated_sizes(options, contract))
    _check_outputs(spec.description, contract, is_fixed=len(sizes) == 1)
    operations = _operations(spec)
    values = [output.type.tensorType for operation in operations for output in operation.outputs]
    _expect("tensors of too high rank", sum(len(value.dimensions) > _HIGHEST_RANK for value in values), 0)
    uses = operator_uses(operations)
    check_operators(uses, options.ios, folder.name)
    said = spec.description.metadata.userDefined
    for name, entry in own_entries(contract, options.precision).items():
        _expect(_called(name), said.get(name), entry)
    weights = _checked_weights(folder, parameters, options.precision)
    types = Counter(
        value.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number[value.dataType].name.lower()
        for operation in operations
        if operation.type != "const"
        for value in (output.type.tensorType for output in operation.outputs)
    )
    return Structure(version, uses, dict(sorted(types.items())), weights, said["skinseg.compute_units"], sizes)


def _checked_weights(folder: Path, parameters: int, precision: str) -> int:
    """Return the size of the weight file, bytes; small tensors may be left in half precision by a compression."""
    size = (folder / _WEIGHTS).stat().st_size
    each = _BYTES_EACH[precision]
    if not 0.8 * parameters * each <= size <= 2 * parameters * max(each, 2.0) + 2**16:
        raise VerificationFailed(
            f"cannot accept {folder.name}: its weights take {size} bytes, expected about {round(parameters * each)} "
            f"({parameters} numbers in {precision})"
        )
    return size


def _called(entry: str) -> str:
    return entry.removeprefix("skinseg.").removeprefix("com.apple.coreml.model.").replace(".", "'s ")


def _check_input(description: Any, expected: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    _expect("inputs", [value.name for value in description.input], [INPUT_NAME])
    image = description.input[0].type.imageType
    own = (int(image.height), int(image.width))
    _expect("input size", own, expected[0])
    others = {(int(size.height), int(size.width)) for size in image.enumeratedSizes.sizes}
    sizes = (own, *sorted(others - {own}))
    _expect("range of input sizes", image.HasField("imageSizeRange"), False)
    _expect("input sizes", sizes, (own, *sorted(set(expected) - {own})))
    _expect("input colours", image.ColorSpace.Name(image.colorSpace), "RGB")
    return sizes


def _check_outputs(description: Any, contract: ModelContract, *, is_fixed: bool) -> None:
    _expect("outputs", [value.name for value in description.output], [OUTPUT_NAME, CLASS_MAP_NAME])
    probability, class_map = (value.type.multiArrayType for value in description.output)
    _expect("output type", probability.ArrayDataType.Name(probability.dataType), "FLOAT32")
    _expect("class map's type", class_map.ArrayDataType.Name(class_map.dataType), "INT32")
    if is_fixed:  # with several sizes the package leaves them open
        _expect("output shape", tuple(probability.shape), (1, len(contract.classes), *contract.input_hw))
        _expect("class map's shape", tuple(class_map.shape), (1, *contract.input_hw))


def _operations(spec: Any) -> list[Any]:
    function = spec.mlProgram.functions["main"]
    return list(function.block_specializations[function.opset].operations)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise VerificationFailed(
            f"cannot accept the Core ML package: its {what}: {got!r}, expected {expected!r}; export it anew"
        )
