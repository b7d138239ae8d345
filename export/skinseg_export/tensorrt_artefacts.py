"""The TensorRT part of a bundle: how a Jetson builds each typed file, and one TensorRT-RTX engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import VerificationFailed
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.export_options import MissingTool
from skinseg_export.targets.tensorrt.build import jetson_plan, rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version
from skinseg_export.targets.tensorrt.verify import verify_rtx_engine

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["TypedFile", "add_plans", "add_rtx_engine"]

ENGINE_PATH = "model.rtx.engine"
SIDECAR_PATH = "model.rtx.json"

_REMEDY = "tensorrt_rtx is not installed; run pip install 'skinseg-edge[trt-rtx]' (x86-64 Linux and Windows)"


@dataclass(frozen=True)
class TypedFile:
    """A strongly typed ONNX file of the bundle: *name* of its artefact, *path*, *precision*."""

    name: str
    path: str
    precision: str
    model: "ModelProto"


def add_plans(
    artefacts: Artefacts, sources: Sequence[TypedFile], contract: ModelContract, *, dynamic_batch: bool
) -> None:
    """Add how a Jetson builds its engine of each of *sources* that has not failed, the recommended one first."""
    for each in (source for source in sources if not artefacts.has_failed(source.name)):
        onnx = each.model.SerializeToString()
        artefacts.plans.append(jetson_plan(onnx, each.path, each.precision, contract, dynamic_batch=dynamic_batch))


def add_rtx_engine(artefacts: Artefacts, source: TypedFile, contract: ModelContract) -> None:
    """Add the TensorRT-RTX engine of *source* with its sidecar, or why there is none."""
    if rtx_version() is None:
        artefacts.missing.append(MissingTool("trt-rtx", _REMEDY, is_fatal=False))
        return
    onnx = source.model.SerializeToString()
    try:
        engine = rtx_engine_from_onnx(onnx, source.path, source.precision)
    except VerificationFailed as failure:
        artefacts.unmade["trt-rtx"] = str(failure)
        return
    artefacts.draft.add_bytes(ENGINE_PATH, engine.data)
    artefacts.add_json(SIDECAR_PATH, engine.sidecar)

    def verify() -> Checks:
        if artefacts.has_failed(source.name):
            raise VerificationFailed(
                f"cannot accept the engine: it is built of {source.name}, which failed its verification"
            )
        return verify_rtx_engine(engine.data, engine.sidecar, onnx, contract)

    artefacts.add("trt-rtx", ENGINE_PATH, source.precision, verify)
