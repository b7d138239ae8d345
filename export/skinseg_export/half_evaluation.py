"""Run a half-precision ONNX file as half-precision hardware does: every value between two nodes rounded to half.

ONNX Runtime's CPU evaluates such a file in fp32 and hides overflow and rounding, so it proves nothing about it. Here
the ONNX reference evaluator keeps the types of the file. Its convolutions are replaced by torch's for speed: products
and sums in fp32, the result rounded to half, which is what tensor cores do.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["HalfEngine", "half_values"]


class HalfEngine:
    """The runtime's Engine protocol over true half arithmetic. Slow: for verification only."""

    name = "onnx-reference"

    def __init__(self, model: "ModelProto", contract: ModelContract) -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self._evaluator = _evaluator(model)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 of *images* (N, H, W, 3) uint8 RGB, not finite after overflow."""
        with np.errstate(all="ignore"):  # an overflow shall arrive in the numbers, where the checks find it
            parts = [_probability(self._evaluator, image[None]) for image in images]
        return np.asarray(np.concatenate(parts), np.float32)

    def close(self) -> None:
        """Do nothing: the model is plain memory."""


def half_values(model: "ModelProto", image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
    """Return every value of *model* for one *image* ((1, H, W, 3) uint8 RGB), by name, in the file's own types."""
    with np.errstate(all="ignore"):
        values = _evaluator(model).run(None, {INPUT_NAME: image}, intermediate=True)
    if not isinstance(values, dict):
        raise AssertionError("the reference evaluator returned no intermediate values")
    return values


def _probability(evaluator: Any, image: NDArray[np.uint8]) -> NDArray[Any]:
    """Return the evaluator's output for *image* ((1, H, W, 3) uint8 RGB).

    Its own `run` keeps every value until the end: for a network that scans, ten gigabytes. Here a value goes with its
    last reader.
    """
    nodes = evaluator.rt_nodes_
    last_reader = {name: index for index, node in enumerate(nodes) for name in node.input}
    values: dict[str, Any] = {"": None, **evaluator.rt_inits_, INPUT_NAME: image}
    for index, node in enumerate(nodes):
        outputs = node.run(*(values[name] for name in node.input))
        values.update(zip(node.output, outputs, strict=False))  # a normalisation returns its statistics, asked or not
        for name in set(node.input):
            if last_reader[name] == index and name not in ("", OUTPUT_NAME):
                del values[name]
    return np.asarray(values[OUTPUT_NAME])


def _evaluator(model: "ModelProto") -> Any:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model, new_ops=_torch_operators())


def _torch_operators() -> list[Any]:
    from onnx.reference.op_run import OpRun

    class Conv(OpRun):
        op_domain = ""

        def _run(self, x: NDArray[Any], w: NDArray[Any], b: Any = None, **attributes: Any) -> tuple[NDArray[Any]]:
            return (_convolve(x, w, b, **attributes),)

    class ConvTranspose(OpRun):
        op_domain = ""

        def _run(self, x: NDArray[Any], w: NDArray[Any], b: Any = None, **attributes: Any) -> tuple[NDArray[Any]]:
            return (_convolve_transposed(x, w, b, **attributes),)

    return [Conv, ConvTranspose]


def _convolve(
    x: NDArray[Any],
    w: NDArray[Any],
    b: NDArray[Any] | None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Any = None,
    group: int = 1,
    kernel_shape: Any = None,
    pads: Any = None,
    strides: Any = None,
) -> NDArray[Any]:
    axes = x.ndim - 2
    begin_end = list(pads or [0] * 2 * axes)
    if auto_pad not in ("NOTSET", "VALID"):
        raise AssertionError(f"Conv with auto_pad {auto_pad}: torch's exporter writes explicit pads")
    # ONNX lists all begins, then all ends; torch wants pairs from the last axis on.
    pairs = [pad for axis in reversed(range(axes)) for pad in (begin_end[axis], begin_end[axis + axes])]
    padded = F.pad(_single(x), pairs)
    function = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    bias = None if b is None else _single(b)
    result = function(padded, _single(w), bias, list(strides or [1] * axes), 0, list(dilations or [1] * axes), group)
    return np.asarray(result.numpy().astype(x.dtype))


def _convolve_transposed(
    x: NDArray[Any],
    w: NDArray[Any],
    b: NDArray[Any] | None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Any = None,
    group: int = 1,
    kernel_shape: Any = None,
    output_padding: Any = None,
    output_shape: Any = None,
    pads: Any = None,
    strides: Any = None,
) -> NDArray[Any]:
    axes = x.ndim - 2
    begin_end = list(pads or [0] * 2 * axes)
    if auto_pad != "NOTSET" or output_shape or begin_end[:axes] != begin_end[axes:]:
        raise AssertionError("ConvTranspose with automatic or uneven padding: torch's exporter writes even pads")
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]
    result = function(
        _single(x),
        _single(w),
        None if b is None else _single(b),
        list(strides or [1] * axes),
        begin_end[:axes],
        list(output_padding or [0] * axes),
        group,
        list(dilations or [1] * axes),
    )
    return np.asarray(result.numpy().astype(x.dtype))


def _single(values: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))  # a copy: torch wants memory it may write
