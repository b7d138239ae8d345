"""Run a half-precision ONNX file as half-precision hardware does: every value between two nodes rounded to half.

ONNX Runtime's CPU evaluates such a file in fp32 and hides overflow and rounding, so it proves nothing about it. Here
it evaluates the file's `rounded` graph.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_export.calculator import open_calculator
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.half_precision import half_value_names
from skinseg_export.layer_values import single_values
from skinseg_export.rounded_graph import rounded

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["HalfEngine", "half_values"]


class HalfEngine:
    """The runtime's Engine protocol over true half arithmetic, for verification; about as fast as the fp32 file.

    *threads*: as for `open_calculator`.
    """

    name = "onnxruntime, rounded to half"

    def __init__(self, model: "ModelProto", contract: ModelContract, *, threads: int | None = None) -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self._calculator = open_calculator(rounded(model), optimised=True, threads=threads)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 of *images* (N, H, W, 3) uint8 RGB, not finite after overflow."""
        # One by one: the file may be made for one picture at a time.
        parts = [self._calculator.run([OUTPUT_NAME], {INPUT_NAME: image[None]})[0] for image in images]
        return np.asarray(np.concatenate(parts), np.float32)

    def close(self) -> None:
        """Do nothing: the session goes with the engine."""


def half_values(model: "ModelProto", image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
    """Return every value of *model* for one *image* ((1, H, W, 3) uint8 RGB), by name, in the file's own types."""
    in_half = half_value_names(model)
    made = {name for node in model.graph.node for name in node.output}
    values = single_values(rounded(model), image, made)
    return {name: value.astype(np.float16) if name in in_half else value for name, value in values.items()}
