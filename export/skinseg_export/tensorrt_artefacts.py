"""The TensorRT part of a bundle: how a Jetson builds each typed file, one TensorRT-RTX engine, and a report on all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import VerificationFailed
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.export_options import ExportOptions, MissingTool
from skinseg_export.targets.tensorrt.build import BuiltEngine, jetson_plan, rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.report import FileReport, TensorRtReport, file_report
from skinseg_export.targets.tensorrt.report_page import page_of, summary_of
from skinseg_export.targets.tensorrt.rtx_builder import parse_onnx, rtx_version
from skinseg_export.targets.tensorrt.verify import verify_rtx_engine

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["TypedFile", "add_tensorrt"]

ENGINE_PATH = "model.rtx.engine"
SIDECAR_PATH = "model.rtx.json"
REPORT_PATH = "tensorrt/report.json"
PAGE_PATH = "tensorrt/report.md"

_REMEDY = "tensorrt_rtx is not installed; run pip install 'skinseg-edge[trt-rtx]' (x86-64 Linux and Windows)"


@dataclass(frozen=True)
class TypedFile:
    """A strongly typed ONNX file of the bundle: *name* of its artefact, *path*, *precision*."""

    name: str
    path: str
    precision: str
    model: "ModelProto"


def add_tensorrt(
    artefacts: Artefacts,
    sources: Sequence[TypedFile],
    contract: ModelContract,
    options: ExportOptions,
    *,
    why_no_engine: str = "",
    only_first: bool = False,
) -> None:
    """Add plans and reports of *sources* that have not failed, and the engine of the first.

    *sources*: the recommended one first. *why_no_engine*: why the bundle shall have none, "" if it shall. An fp32 file
    that is not the first is only parsed: building it takes as long, and its engine is the last that a device wants.
    With *only_first* that goes for all others.
    """
    if rtx_version() is None:
        artefacts.missing.append(MissingTool("trt-rtx", _REMEDY, is_fatal=False))
    elif why_no_engine:
        artefacts.unmade["trt-rtx"] = why_no_engine
    files = []
    for number, source in enumerate(sources):
        only_parsed = number > 0 and (only_first or source.precision == "fp32")
        onnx = source.model.SerializeToString()
        built = _parsed(onnx) if only_parsed else _built(artefacts, source, onnx, options)
        if number == 0 and rtx_version() is not None and not why_no_engine:
            _add_engine(artefacts, source, onnx, built, contract, options)
        if not artefacts.has_failed(source.name):
            files.append(_planned(artefacts, source, onnx, built, contract, options))
    if files:
        _add_report(artefacts, TensorRtReport(tuple(files), rtx_version(), options.compute_capabilities))


def _parsed(onnx: bytes) -> str:
    """Let TensorRT-RTX read *onnx*, and return why it has no engine."""
    if rtx_version() is None:
        return _REMEDY
    try:
        layers = parse_onnx(onnx).layers
    except VerificationFailed as failure:
        return str(failure)
    return f"parsed ({layers} layers), not built: the bundle has files that run faster"


def _built(artefacts: Artefacts, source: TypedFile, onnx: bytes, options: ExportOptions) -> BuiltEngine | str:
    """Build the engine of *source*, whose bytes are *onnx*, unless its verification did, or say why there is none."""
    if rtx_version() is None:
        return _REMEDY
    known = artefacts.engines.pop(source.path, None)
    if known is not None:
        return known
    ahead = artefacts.engines_ahead.pop(source.path, None)
    try:
        if ahead is not None:
            return ahead.result()
        return rtx_engine_from_onnx(
            onnx, source.path, source.precision, compute_capabilities=options.compute_capabilities
        )
    except VerificationFailed as failure:
        return str(failure)


def _planned(
    artefacts: Artefacts,
    source: TypedFile,
    onnx: bytes,
    built: BuiltEngine | str,
    contract: ModelContract,
    options: ExportOptions,
) -> FileReport:
    """Add how a Jetson builds its engine of *source*, and report on it."""
    plan = jetson_plan(onnx, source.path, source.precision, contract, dynamic_batch=options.dynamic_batch)
    artefacts.plans.append(plan)
    engine, why_none = (None, built) if isinstance(built, str) else (built, "")
    return file_report(source.name, source.model, plan, engine, why_none)


def _add_report(artefacts: Artefacts, report: TensorRtReport) -> None:
    artefacts.add_json(REPORT_PATH, report.to_json())
    artefacts.draft.add_bytes(PAGE_PATH, page_of(report).encode())
    artefacts.remarks.append(summary_of(report))


def _add_engine(
    artefacts: Artefacts,
    source: TypedFile,
    onnx: bytes,
    engine: BuiltEngine | str,
    contract: ModelContract,
    options: ExportOptions,
) -> None:
    """Add the TensorRT-RTX engine of *source* with its sidecar, or why there is none."""
    if isinstance(engine, str):
        artefacts.unmade["trt-rtx"] = engine
        return
    artefacts.draft.add_bytes(ENGINE_PATH, engine.data)
    artefacts.add_json(SIDECAR_PATH, engine.sidecar)

    def verify() -> Checks:
        if artefacts.has_failed(source.name):
            raise VerificationFailed(
                f"cannot accept the engine: it is built of {source.name}, which failed its verification"
            )
        return verify_rtx_engine(engine.data, engine.sidecar, onnx, contract, options.compute_capabilities)

    artefacts.add("trt-rtx", ENGINE_PATH, source.precision, verify)
