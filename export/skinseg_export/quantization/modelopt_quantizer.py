"""A second quantizer, for a second opinion: NVIDIA's nvidia-modelopt on the same layers as ours.

It is called as a program of its own, because inside a process it replaces parts of ONNX Runtime's quantizer for good,
ours included, and writes its log to stdout.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.errors import InputError, ToolMissing, VerificationFailed
from skinseg_export.deployed_graph import INPUT_NAME
from skinseg_export.onnx_from_torch import set_metadata
from skinseg_export.quantization.pair_check import check_pairs
from skinseg_export.quantization.qdq import nodes_of

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["missing_modules", "modelopt_qdq", "require_modelopt"]

_MODULES = ("modelopt", "onnx_graphsurgeon", "onnxslim", "lief", "cppimport")
_INSTALL = "run pip install 'skinseg-edge[export,modelopt]'"


def modelopt_qdq(
    single: "ModelProto",
    layers: Collection[str],
    images: NDArray[np.uint8],
    *,
    method: Literal["max", "entropy"] = "max",
    rest: Literal["fp32", "fp16"] = "fp32",
) -> "ModelProto":
    """Return the fp32 file *single* with the convolutions of *layers* quantized by nvidia-modelopt, on the processor.

    *images*: (N, H, W, 3) uint8 RGB at network size, for calibration. *method*: how it finds how far values reach.
    *rest*: the precision of all that is not quantized; its fp16 is half throughout, unlike `half_from_single`, which
    keeps means and norms in fp32. Weights stay as they are, with a pair behind them. Inputs of one concatenation share
    a scale. The result has passed `check_pairs` and carries *single*'s metadata.

    Raises ToolMissing if nvidia-modelopt or a package that it needs is not installed, InputError if there is no layer
    or no picture or *single* lacks a layer, VerificationFailed if it ends in an error or does not do what was ordered.
    """
    require_modelopt()
    if not layers or not len(images):
        raise InputError(
            f"cannot quantize with nvidia-modelopt: {len(layers)} layers and {len(images)} calibration pictures came, "
            "expected at least one of each"
        )
    chosen = {node.name for node in nodes_of(single, layers)}
    quantized = _quantized(single, sorted(chosen), images, method, rest)
    _leave_others_alone(quantized, chosen)
    _put_name_on(quantized, single, method)
    check_pairs(quantized, single, layers)
    return quantized


def missing_modules() -> tuple[str, ...]:
    """Return which packages of nvidia-modelopt are not installed."""
    return tuple(module for module in _MODULES if find_spec(module) is None)


def require_modelopt() -> None:
    """Check that nvidia-modelopt can run; ToolMissing naming what is not installed."""
    missing = missing_modules()
    if missing:
        raise ToolMissing(f"cannot quantize with nvidia-modelopt: {', '.join(missing)} is not installed; {_INSTALL}")


def _quantized(
    single: "ModelProto", nodes: list[str], images: NDArray[np.uint8], method: str, rest: str
) -> "ModelProto":
    import onnx

    with tempfile.TemporaryDirectory(prefix="skinseg-modelopt-") as name:
        folder = Path(name)
        source, target, pictures = folder / "single.onnx", folder / "quantized.onnx", folder / "pictures.npy"
        onnx.save(single, source)
        np.save(pictures, images)
        options = {
            "--onnx_path": [str(source)],
            "--output_path": [str(target)],
            "--quantize_mode": ["int8"],
            "--calibration_data_path": [str(pictures)],
            "--calibration_shapes": [f"{INPUT_NAME}:{'x'.join(str(side) for side in (1, *images.shape[1:]))}"],
            "--calibration_method": [method],
            "--calibration_eps": ["cpu"],
            "--high_precision_dtype": [rest],
            "--op_types_to_quantize": ["Conv"],
            "--nodes_to_quantize": [rf"{re.escape(node)}\Z" for node in nodes],
            # With kinds and names of nodes given, all this does (0.47) is to spare convolutions of fewer than 16
            # channels from being left out; without it, 10 of 42 layers of scsonet are.
            "--target_dla": [],
        }
        _run_modelopt([word for option, values in options.items() for word in (option, *values)], folder)
        return onnx.load(target)


def _run_modelopt(words: list[str], folder: Path) -> None:
    """Run the program; what it leaves behind lies in *folder*."""
    command = [sys.executable, "-m", "modelopt.onnx.quantization", *words]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "TMPDIR": str(folder)}
    )
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip() or "nothing").splitlines()[-1]
        raise VerificationFailed(
            f"cannot quantize with nvidia-modelopt: it ended with exit code {ended.returncode} and said '{said}'; "
            f"{_INSTALL} to get the packages it was tried with, or leave this cross-check out"
        )


def _leave_others_alone(model: "ModelProto", chosen: set[str]) -> None:
    """Let every node but the *chosen* ones read the value before a pair: the quantizer turns all readers of a value."""
    before = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    made = {
        node.output[0]: before[node.input[0]]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in before
    }
    for node in model.graph.node:
        if node.name not in chosen:
            kept = [made.get(name, name) for name in node.input]
            del node.input[:]
            node.input.extend(kept)


def _put_name_on(model: "ModelProto", single: "ModelProto", method: str) -> None:
    # It drops the metadata, and the types it noted for values may be those from before its changes.
    del model.graph.value_info[:], model.metadata_props[:]
    model.metadata_props.extend(single.metadata_props)
    maker = f"nvidia-modelopt {version('nvidia-modelopt')} ({method})"
    set_metadata(model, {"precision": "int8", "quantizer": maker})
