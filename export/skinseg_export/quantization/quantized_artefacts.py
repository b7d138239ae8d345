"""The quantized files of a bundle: made, judged, proved to load and to build, and reported on."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import LayerChoice
from skinseg_edge.progress import Progress
from skinseg_export.acceptance import AcceptanceBench
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.engine_ahead import wait_for_engines
from skinseg_export.export_gate import ExportGate
from skinseg_export.export_options import ExportOptions
from skinseg_export.golden import Golden
from skinseg_export.half_evaluation import HalfEngine
from skinseg_export.half_precision import kept_names
from skinseg_export.parity import compare, golden_checks
from skinseg_export.quantization.coverage import Coverage
from skinseg_export.quantization.layers_in_reach import NO_LAYER, LayersInReach, layers_in_reach
from skinseg_export.quantization.pair_check import check_pairs
from skinseg_export.quantization.preparation import Calibration
from skinseg_export.quantization.quantization_report import Findings, page_of, report_of
from skinseg_export.quantization.quantize import AutoFile, Materials, QuantizedFile, Quantizer
from skinseg_export.quantization.sensitivity_chart import sensitivity_png
from skinseg_export.targets.onnx.build import OnnxFiles
from skinseg_export.targets.tensorrt.build import rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version
from skinseg_export.tensorrt_artefacts import TypedFile
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine
from skinseg_runtime.verification import LEAST_TELLING_DICE

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = [
    "REPORT_PATH",
    "QuantizedArtefact",
    "QuantizedResult",
    "QuantizedWork",
    "add_quantized",
    "built_checks",
]

REPORT_PATH = "quantization/report.json"
PAGE_PATH = "quantization/report.md"
CHART_PATH = "quantization/sensitivity.png"

_ENOUGH_JUDGES = 30


@dataclass(frozen=True)
class QuantizedWork:
    """What an export hands over: everything that was made before its quantized files."""

    checkpoint: Checkpoint
    options: ExportOptions
    artefacts: Artefacts
    files: OnnxFiles
    layers: LayerChoice
    calibration: Calibration
    gate: ExportGate
    bench: AcceptanceBench
    golden: tuple[Golden, ...]
    reference: TorchEngine


@dataclass(frozen=True)
class QuantizedArtefact:
    """*name*: such as `onnx-int8`. *path*: in the bundle. *precision*: `int8` or `auto`."""

    precision: str
    file: QuantizedFile

    @property
    def name(self) -> str:
        """How the manifest calls it."""
        return f"onnx-{self.precision}"

    @property
    def path(self) -> str:
        """Where the bundle keeps it."""
        return f"model.{self.precision}.onnx"

    @property
    def model(self) -> "ModelProto":
        """The file."""
        return self.file.model


@dataclass(frozen=True)
class QuantizedResult:
    """*files*: what was made. *fingerprint*: of the calibration behind them."""

    files: tuple[TypedFile, ...]
    fingerprint: str


def add_quantized(work: QuantizedWork, progress: Progress) -> QuantizedResult:
    """Make the quantized files that the options ask for, and the report on them.

    `int8` is added whether it passes or not; with `auto` only what passes is.

    Raises InputError if a picture for calibration cannot be used.
    """
    reached, made = layers_in_reach(work.layers, work.checkpoint.contract, work.files, work.calibration), work.artefacts
    if not reached.names:
        made.remarks.append(NO_LAYER)
        if work.options.precision == "int8":
            made.unmade["onnx-int8"] = NO_LAYER
        return QuantizedResult((), reached.fingerprint.digest)
    made.warnings += _thin(work.calibration.coverage)
    quantizer = Quantizer(_materials(work, reached, progress), progress)
    auto = quantizer.auto() if work.options.precision == "auto" else None
    found = _chosen(quantizer, auto)
    for each in found:
        _add(work, each)
        made.warnings += _lost_golden(made, each.name)
    made.warnings += _few_judges(len(work.bench))
    made.remarks.append(auto.walk.story() if auto else _int8_story(quantizer, len(reached.names)))
    _add_report(work, reached, quantizer, auto)
    files = tuple(TypedFile(each.name, each.path, each.precision, each.model) for each in found)
    return QuantizedResult(files, reached.fingerprint.digest)


def _materials(work: QuantizedWork, reached: LayersInReach, progress: Progress) -> Materials:
    single, scan = reached.single, work.files.scan
    ranges, remark = reached.ranges(work.options, work.checkpoint.training, progress)
    work.artefacts.remarks += [remark] if remark else []
    return Materials(
        single=single,
        contract=work.checkpoint.contract,
        layers=reached.names,
        images=work.calibration.images,
        ranges=ranges,
        kept=frozenset[str]() if scan is None else scan.kept(single),
        reference=work.reference,
        bench=work.bench,
    )


def _chosen(quantizer: Quantizer, auto: AutoFile | None) -> list[QuantizedArtefact]:
    int8 = quantizer.int8()
    if auto is None:
        return [QuantizedArtefact("int8", int8)]
    found = [QuantizedArtefact("int8", int8)] if int8.acceptance.passed else []
    return found if auto.file is None else [*found, QuantizedArtefact("auto", auto.file)]


def _lost_golden(made: Artefacts, name: str) -> list[str]:
    """Say so where an accepted artefact loses the mask of a golden picture, which is unlike those that judged it."""
    found = next(artefact for artefact in made.made if artefact.name == name)
    dice = found.checks.get("golden_dice")
    if found.status != "verified" or not isinstance(dice, float) or dice >= LEAST_TELLING_DICE:
        return []
    return [
        f"{name} passes on the validation pictures but loses the mask of a golden one (Dice {dice:.2f}): it may lose "
        "others that are unlike the training pictures; look at such, or use fp16"
    ]


def _add(work: QuantizedWork, each: QuantizedArtefact) -> None:
    work.artefacts.draft.add_bytes(each.path, each.model.SerializeToString())
    work.artefacts.add(each.name, each.path, each.precision, lambda: _verify(work, each))


def _verify(work: QuantizedWork, each: QuantizedArtefact) -> Checks:
    """Return the figures of a quantized file.

    Raises ParityFailed if the gate refuses it, VerificationFailed if a pair is where none was ordered or TensorRT-RTX
    cannot build it.
    """
    contract, onnx = work.checkpoint.contract, each.model.SerializeToString()
    check_pairs(each.model, work.files.single.typed_source, each.file.quantized)
    exact = HalfEngine(each.model, contract)
    parities = [
        compare(engine, work.reference, contract, work.golden)
        for engine in (exact, OnnxRuntimeEngine(onnx, contract, source=each.path))
    ]
    return {
        **work.gate.accept_judged(each.name, replace(each.file.acceptance, precision=each.precision), exact),
        **golden_checks(parities),
        "calibration_method": each.file.method,
        "layers_in_8_bits": len(each.file.quantized),
        "arithmetic": "simulated: 8 bits in fp32, half rounded",
        "kept_fp32": kept_names(each.model),
        **built_checks(work.artefacts, work.options, onnx, each.path, each.precision),
    }


def built_checks(
    artefacts: Artefacts, options: ExportOptions, onnx: bytes, path: str, precision: str = "int8"
) -> Checks:
    """Build the TensorRT-RTX engine of a quantized file unless a thread does, keep it for its target, and say so.

    Raises VerificationFailed if TensorRT-RTX cannot build it; nothing is built where it is not installed.
    """
    if rtx_version() is None:
        return {}
    ahead = artefacts.engines_ahead.pop(path, None)
    if ahead is not None:
        engine = ahead.result()
    else:
        wait_for_engines(artefacts)
        engine = rtx_engine_from_onnx(onnx, path, precision, compute_capabilities=options.compute_capabilities)
    if "trt" in options.targets:
        artefacts.engines[path] = engine
    return {"trt_rtx_builds": True, "trt_rtx_bytes": len(engine.data)}


def _few_judges(count: int) -> list[str]:
    if count >= _ENOUGH_JUDGES:
        return []
    return [
        f"8 bits were judged on {count} pictures, which say little; name a folder of {_ENOUGH_JUDGES} or more with "
        "--validation"
    ]


def _thin(coverage: Coverage) -> list[str]:
    if not coverage.thin:
        return []
    return [
        f"the calibration pictures hardly show {', '.join(coverage.thin)}: 8 bits are the least certain there; add "
        "such pictures to the folder of --calibration"
    ]


def _int8_story(quantizer: Quantizer, count: int) -> str:
    acceptance = quantizer.int8().acceptance
    passed = "passes" if acceptance.passed else "does not pass"
    advice = "" if acceptance.passed else "; try --precision auto, or train for it: skinseg-train --qat"
    layers = "1 layer" if count == 1 else f"{count} layers"
    return (
        f"int8: {layers} in 8 bits, calibrated by {quantizer.method}: mean Dice {acceptance.mean_dice:.4f} to the "
        f"trained masks on {len(acceptance.pictures)} pictures, which {passed}{advice}"
    )


def _add_report(work: QuantizedWork, reached: LayersInReach, quantizer: Quantizer, auto: AutoFile | None) -> None:
    findings = Findings(
        calibration=work.calibration,
        quantizer=work.options.quantizer,
        fingerprint=reached.fingerprint,
        choice=reached.choice,
        methods=quantizer.methods,
        method=quantizer.method,
        int8=quantizer.int8().acceptance,
        auto=auto,
    )
    work.artefacts.add_json(REPORT_PATH, report_of(findings))
    work.artefacts.draft.add_bytes(PAGE_PATH, page_of(findings).encode())
    if auto is not None:
        chart = work.artefacts.draw(
            "chart of sensitivities", lambda: sensitivity_png(auto.sensitivity, auto.walk.restored)
        )
        if chart is not None:
            work.artefacts.draft.add_bytes(CHART_PATH, chart)
