"""Check an engine as far as a machine without a GPU can: header, hashes, types, targets, memory.

Its numbers are not checked here: an engine runs only on its GPU, where the golden cases go through it.
"""

import hashlib
from collections.abc import Mapping, Sequence

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import IntegrityFailed, VerificationFailed
from skinseg_export.deployed_graph import INPUT_NAME, OUTPUT_NAME
from skinseg_export.targets.tensorrt.build import ENGINE_SCHEMA
from skinseg_export.targets.tensorrt.compute_capabilities import COMPUTE_CAPABILITIES
from skinseg_export.targets.tensorrt.rtx_builder import ParsedNetwork, TensorType, parse_onnx
from skinseg_runtime.engine_files.plan_header import read_plan_header

__all__ = ["verify_rtx_engine"]


def verify_rtx_engine(
    engine: bytes,
    sidecar: Mapping[str, object],
    onnx: bytes,
    contract: ModelContract,
    compute_capabilities: Sequence[str] = COMPUTE_CAPABILITIES,
) -> dict[str, float | str | bool]:
    """Return the figures of *engine*, which was built of *onnx* for *compute_capabilities*.

    Raises IntegrityFailed if the engine is cut, foreign or not the one of its sidecar, VerificationFailed if its
    types, shapes, compute capabilities or memory figures are not those of *contract*.
    """
    header = read_plan_header(engine)
    _same("size in the header", header.size, len(engine))
    _same("product", header.product, "TensorRT-RTX")
    _same("schema", sidecar["schema"], ENGINE_SCHEMA)
    _same("version", sidecar["version"], header.version)
    _same("size", sidecar["size"], len(engine))
    _same("hash", sidecar["sha256"], hashlib.sha256(engine).hexdigest())
    source = sidecar["onnx"]
    _same("source", source["sha256"] if isinstance(source, Mapping) else None, hashlib.sha256(onnx).hexdigest())
    _expect("compute capabilities", sidecar["compute_capabilities"], list(compute_capabilities))
    _check_types(parse_onnx(onnx), contract)
    memory = sidecar["memory"]
    figures = dict(memory) if isinstance(memory, Mapping) else {}
    missing = [name for name in ("activation_bytes", "weights_bytes") if not figures.get(name)]
    if missing:
        raise VerificationFailed(f"cannot accept the engine: the builder logged no {', '.join(missing)}")
    return {
        "version": header.version,
        "compute_capabilities": ", ".join(compute_capabilities),
        "activation_mib": round(figures["activation_bytes"] / 2**20, 2),
        "weights_mib": round(figures["weights_bytes"] / 2**20, 2),
        "numbers_verified": False,
        "remark": "built, not run: its masks are checked on the GPU",
    }


def _check_types(network: ParsedNetwork, contract: ModelContract) -> None:
    height, width = contract.input_hw
    batch = network.inputs[0].shape[0]
    _expect("inputs", network.inputs, (TensorType(INPUT_NAME, "UINT8", (batch, height, width, 3)),))
    shape = (batch, len(contract.classes), height, width)
    _expect("outputs", network.outputs, (TensorType(OUTPUT_NAME, "FLOAT", shape),))


def _same(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise IntegrityFailed(
            f"cannot accept the engine: its {what} is {got!r}, expected {expected!r}; export the bundle again"
        )


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise VerificationFailed(f"cannot accept the engine: its {what} are {got!r}, expected {expected!r}")
