"""What happens inside: every layer's values in torch and in ONNX, and the first layer where two runs part.

The exporter gives each ONNX value the name of the torch operation that makes it, so the two sides are matched by name.
"""

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from skinseg_export.calculator import open_calculator
from skinseg_export.deployed_graph import INPUT_NAME
from skinseg_export.inferred_shapes import inferred_graph

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto
    from torch.export import ExportedProgram

__all__ = [
    "Divergence",
    "can_be_compared",
    "first_divergence",
    "gate_values",
    "relative_error",
    "single_values",
    "torch_values",
]

Values = Mapping[str, NDArray[Any]]
_NOISE_FLOOR = 1e-3  # root mean square
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Divergence:
    """*layer*: name of the ONNX node. *error*: of its value, |a - b| / |b| in the 2-norm; inf if not finite."""

    layer: str
    error: float

    def __str__(self) -> str:
        return f"{self.layer} (relative error {self.error:.2g})"


def torch_values(
    program: "ExportedProgram", image: NDArray[np.uint8], replaced: Values | None = None
) -> dict[str, NDArray[Any]]:
    """Return the value of every operation of *program* for *image* ((1, H, W, 3) uint8 RGB), by name.

    *replaced*: values to go on with instead of the program's own; the own ones are returned all the same.
    """
    values: dict[str, NDArray[Any]] = {}
    given = replaced or {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            if not isinstance(result, torch.Tensor):
                return result
            # The program's views were recorded for contiguous values; kernels here may prefer channels last.
            result = result.contiguous()
            values[n.name] = result.numpy()
            return torch.from_numpy(given[n.name]) if n.name in given else result

    inputs = []
    for spec in program.graph_signature.input_specs:
        if spec.target is None:
            inputs.append(torch.from_numpy(image))
        else:
            stored = program.state_dict.get(spec.target)
            inputs.append(program.constants[spec.target] if stored is None else stored)
    with torch.no_grad():
        Recorder(program.graph_module).run(*inputs)
    return values


def single_values(
    model: "ModelProto", image: NDArray[np.uint8], names: Set[str] | None = None
) -> dict[str, NDArray[Any]]:
    """Return every value of the fp32 *model* for *image* ((1, H, W, 3) uint8 RGB) as ONNX Runtime computes it.

    *names*: of the values to return; None returns all.
    """
    return _onnxruntime_values(model, image, lambda value: names is None or value.name in names, optimised=False)


def gate_values(model: "ModelProto", image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the yes-or-no values of *model* and its output for *image*, computed as on a device: optimised."""
    from onnx import TensorProto

    return _onnxruntime_values(
        model, image, lambda value: value.type.tensor_type.elem_type == TensorProto.BOOL, optimised=True
    )


def _onnxruntime_values(
    model: "ModelProto", image: NDArray[np.uint8], wanted: Callable[["ValueInfoProto"], bool], *, optimised: bool
) -> dict[str, NDArray[Any]]:
    import onnx

    open_model = onnx.shape_inference.infer_shapes(model)
    known = {value.name for value in open_model.graph.output}
    inner = [value for value in open_model.graph.value_info if value.name not in known and wanted(value)]
    open_model.graph.output.extend(inner)
    names = [value.name for value in open_model.graph.output]
    answers = open_calculator(open_model, optimised=optimised).run(names, {INPUT_NAME: image})
    return {name: np.asarray(answer) for name, answer in zip(names, answers, strict=True)}


def first_divergence(model: "ModelProto", ours: Values, theirs: Values, tolerance: float) -> Divergence | None:
    """Return the first node of *model*, in the order of computation, whose value in *ours* left that in *theirs*.

    *tolerance*: of the relative error in the 2-norm. None if every common value holds.
    """
    for node in model.graph.node:
        for name in node.output:
            if name in ours and name in theirs and ours[name].shape == theirs[name].shape:
                error = relative_error(ours[name], theirs[name])
                if not error <= tolerance:  # a NaN diverges
                    return Divergence(node.name, error)
    return None


def can_be_compared(model: "ModelProto") -> bool:
    """Whether all values of *model* for one picture fit into 4 GiB, so that two runs can be held side by side."""
    values = inferred_graph(model).value_info
    return sum(4 * _numbers(value) for value in values) <= _MOST_BYTES


def _numbers(value: "ValueInfoProto") -> int:
    return math.prod(dimension.dim_value or 1 for dimension in value.type.tensor_type.shape.dim)


def relative_error(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Return |ours - theirs| / |theirs| in the 2-norm; inf if that is not finite, 0 for whole numbers and yes-or-no.

    Both have one shape. Values next to nothing count as their noise floor.
    """
    if not np.issubdtype(theirs.dtype, np.floating):
        return 0.0  # masks and shapes: what makes them is compared itself
    with np.errstate(invalid="ignore"):  # infinite on both sides
        difference = ours.astype(np.float64) - theirs.astype(np.float64)
    if not np.isfinite(difference).all():
        return float("inf")
    # A mean over normalised values is all rounding: what is that small is no measure for an error.
    noise = _NOISE_FLOOR * np.sqrt(theirs.size)
    return float(np.linalg.norm(difference) / max(np.linalg.norm(theirs.astype(np.float64)), noise))
