"""Check the structure of a Core ML package; its numbers need macOS or an iPhone, and the figures say so."""

from collections import Counter
from pathlib import Path
from typing import Any

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import ToolMissing, VerificationFailed
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.program_graph import CLASS_MAP_NAME

__all__ = ["verify_mlpackage"]

_IOS17 = 8  # specification version
_WEIGHT_FILE = Path("Data/com.apple.CoreML/weights/weight.bin")
_HIGHEST_RANK = 5  # of a tensor in an ML program


def verify_mlpackage(folder: Path, contract: ModelContract, *, parameters: int) -> dict[str, float | str | bool]:
    """Return the figures of the package at *folder*.

    *parameters*: how many numbers the network has; the weight file must hold about as many.

    Raises VerificationFailed if the specification, its input or output, a tensor's rank or the size of the weights is
    not what *contract* and *parameters* say, ToolMissing without coremltools.
    """
    spec = _specification(folder)
    _expect("kind of model", spec.WhichOneof("Type"), "mlProgram")
    _expect("specification version", spec.specificationVersion, _IOS17)
    _check_face(spec.description, contract)
    operations = _operations(spec)
    ranks = [len(output.type.tensorType.dimensions) for operation in operations for output in operation.outputs]
    _expect("tensors of too high rank", sum(rank > _HIGHEST_RANK for rank in ranks), 0)
    precision = spec.description.metadata.userDefined["skinseg.precision"]
    bytes_each = {"fp16": 2, "fp32": 4}[precision]
    weights = (folder / _WEIGHT_FILE).stat().st_size
    if not 0.8 * parameters * bytes_each <= weights <= 2 * parameters * bytes_each + 2**16:
        raise VerificationFailed(
            f"cannot accept {folder.name}: its weights take {weights} bytes, expected about {parameters * bytes_each} "
            f"({parameters} numbers in {precision})"
        )
    kinds = Counter(operation.type for operation in operations if operation.type != "const")
    return {
        "specification_version": int(spec.specificationVersion),
        "operations": sum(kinds.values()),
        "operation_kinds": ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())),
        "weights_mib": round(weights / 2**20, 2),
        "numbers_verified": False,
        "remark": "structure checked; its numbers are not verified on this machine (that needs macOS or an iPhone)",
    }


def _specification(folder: Path) -> Any:
    try:
        with quiet():
            from coremltools.models import MLModel
    except ImportError as error:
        raise ToolMissing(
            "cannot check the Core ML package: coremltools is not installed; run pip install 'skinseg-edge[coreml]'"
        ) from error
    with quiet():
        return MLModel(str(folder), skip_model_load=True).get_spec()


def _check_face(description: Any, contract: ModelContract) -> None:
    height, width = contract.input_hw
    _expect("inputs", [value.name for value in description.input], [INPUT_NAME])
    image = description.input[0].type.imageType
    _expect("input size", (image.height, image.width), (height, width))
    _expect("input colours", image.ColorSpace.Name(image.colorSpace), "RGB")
    _expect("outputs", [value.name for value in description.output], [OUTPUT_NAME, CLASS_MAP_NAME])
    output = description.output[0].type.multiArrayType
    _expect("output shape", tuple(output.shape), (1, len(contract.classes), height, width))
    _expect("output type", output.ArrayDataType.Name(output.dataType), "FLOAT32")


def _operations(spec: Any) -> list[Any]:
    function = spec.mlProgram.functions["main"]
    return list(function.block_specializations[function.opset].operations)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise VerificationFailed(f"cannot accept the Core ML package: its {what}: {got!r}, expected {expected!r}")
