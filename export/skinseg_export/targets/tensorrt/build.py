"""Build the TensorRT-RTX engine with its sidecar, and write the plan by which a Jetson builds its own."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import INPUT_NAME
from skinseg_export.targets.tensorrt.compute_capabilities import COMPUTE_CAPABILITIES
from skinseg_export.targets.tensorrt.rtx_builder import LARGEST_BATCH, build_engine
from skinseg_runtime.engine_build.request import BuildRequest
from skinseg_runtime.engine_build.trtexec_line import trtexec_line
from skinseg_runtime.engine_files.plan_header import read_plan_header

__all__ = ["ENGINE_SCHEMA", "BuiltEngine", "jetson_plan", "rtx_engine_from_onnx"]

ENGINE_SCHEMA = "skinseg.engine/1"
_JETSON_TENSORRT = "10.3"  # JetPack 6.1, the oldest that is supported


@dataclass(frozen=True)
class BuiltEngine:
    """*data*: the bare engine, nothing around it. *sidecar*: what stands in the .json beside it."""

    data: bytes
    sidecar: Mapping[str, object]


def rtx_engine_from_onnx(
    onnx: bytes,
    onnx_path: str,
    precision: str,
    on_step: Callable[[str], None] | None = None,
    *,
    compute_capabilities: Sequence[str] = COMPUTE_CAPABILITIES,
) -> BuiltEngine:
    """Build a TensorRT-RTX engine of *onnx* for *compute_capabilities*; needs no GPU.

    *onnx_path*: where the bundle keeps that file; the sidecar ties the engine to it by hash.

    Raises BuildFailed if the parser or the builder refuses, UnknownName for a compute capability that it does not know,
    ToolMissing without tensorrt_rtx.
    """
    engine = build_engine(onnx, compute_capabilities, on_step)
    header = read_plan_header(engine.data)
    sidecar = {
        "schema": ENGINE_SCHEMA,
        "product": header.product,
        "version": header.version,
        "size": header.size,
        "sha256": hashlib.sha256(engine.data).hexdigest(),
        "compute_capabilities": list(engine.compute_capabilities),
        "precision": precision,
        "onnx": {"path": onnx_path, "sha256": hashlib.sha256(onnx).hexdigest()},
        "inputs": [asdict(tensor) for tensor in engine.network.inputs],
        "outputs": [asdict(tensor) for tensor in engine.network.outputs],
        "layers": engine.network.layers,
        "memory": engine.memory,
    }
    return BuiltEngine(engine.data, sidecar)


def jetson_plan(
    onnx: bytes, onnx_path: str, precision: str, contract: ModelContract, *, dynamic_batch: bool
) -> dict[str, object]:
    """Return how a Jetson builds its engine of *onnx*: the file, its hash, the versions and the shapes."""
    height, width = contract.input_hw
    shapes = {
        name: [batch, height, width, 3]
        for name, batch in (("min", 1), ("opt", 1), ("max", LARGEST_BATCH if dynamic_batch else 1))
    }
    image_shape = (-1 if dynamic_batch else 1, height, width, 3)
    request = BuildRequest(max_batch=LARGEST_BATCH if dynamic_batch else 1)
    return {
        "target": "trt",
        "device": "jetson",
        "onnx": onnx_path,
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "precision": precision,
        "strongly_typed": True,
        "tensorrt": f">={_JETSON_TENSORRT}",
        "shapes": {INPUT_NAME: shapes},
        "equivalent": trtexec_line(onnx_path, "model.engine", image_shape, request),
    }
