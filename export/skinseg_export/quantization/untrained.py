"""8 bits of an untrained network: made to try targets, and judged by numbers alone, for it has no right masks.

Ranges are the largest |x| on the calibration pictures. The file must compute in true half arithmetic and in ONNX
Runtime what the network computes in torch, but for the noise of 8 bits; the runtime refuses such a bundle in any case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skinseg_edge.datasets.synthetic_lesions import draw
from skinseg_edge.image_io import write_png
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.networks.quantizable_layers import LayerChoice
from skinseg_edge.progress import Progress
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.engine_ahead import cores_left
from skinseg_export.export_options import ExportOptions
from skinseg_export.golden import Golden
from skinseg_export.half_evaluation import HalfEngine
from skinseg_export.half_precision import half_from_single, kept_names
from skinseg_export.parity import Tolerances, compare, golden_checks
from skinseg_export.quantization.calibration_pictures import CalibrationPictures
from skinseg_export.quantization.layers_in_reach import NO_LAYER, LayersInReach, layers_in_reach
from skinseg_export.quantization.pair_check import check_pairs
from skinseg_export.quantization.preparation import Calibration
from skinseg_export.quantization.qdq import qdq_from_single
from skinseg_export.quantization.quantization_report import REPORT_SCHEMA
from skinseg_export.quantization.quantized_artefacts import REPORT_PATH, QuantizedResult, built_checks
from skinseg_export.targets.onnx.build import OnnxFiles
from skinseg_export.tensorrt_artefacts import TypedFile
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

__all__ = [
    "DRAWN_COUNT",
    "NOT_JUDGED",
    "UntrainedFile",
    "UntrainedWork",
    "add_untrained",
    "drawn_calibration",
    "untrained_file",
]

DRAWN_COUNT = 4
"""Enough for ranges that no accuracy hangs on; `calibration_pictures` asks for more of a folder."""

NOT_JUDGED = "untrained: nothing was judged by masks"

_NAME, _PATH = "onnx-int8", "model.int8.onnx"
_METHOD = "minmax"
_DRAWN_HW, _FIRST_SEED = (256, 320), 1000  # the golden pictures have the seeds from 0 on
# Numbers alone: fresh weights put every probability next to the threshold, so the noise of 8 bits turns masks over. A
# wrong scale or a lost layer moves the probabilities by tenths.
_NOISE_OF_8_BITS = Tolerances(
    max_error=1.0,
    mean_error=0.1,
    average_error=0.05,
    disagreement=1.0,
    min_dice=0.0,
    max_area_drift=float("inf"),
    max_hd95=float("inf"),
)


@dataclass(frozen=True)
class UntrainedWork:
    """What an export hands over: everything that was made before its file in 8 bits."""

    checkpoint: Checkpoint
    options: ExportOptions
    artefacts: Artefacts
    files: OnnxFiles
    layers: LayerChoice
    calibration: Calibration
    golden: tuple[Golden, ...]
    reference: TorchEngine


@dataclass(frozen=True)
class UntrainedFile:
    """*file*: None if no layer can be in 8 bits. *method*: of its ranges. *remark*: on where they come from, or ""."""

    work: UntrainedWork
    reached: LayersInReach
    file: TypedFile | None = None
    method: str = ""
    remark: str = ""


def drawn_calibration(folder: Path) -> CalibrationPictures:
    """Draw DRAWN_COUNT pictures to calibrate an untrained network with into *folder*."""
    seeds = range(_FIRST_SEED, _FIRST_SEED + DRAWN_COUNT)
    paths = tuple(folder / f"{seed}.png" for seed in seeds)
    for seed, path in zip(seeds, paths, strict=True):
        write_png(path, draw(seed, _DRAWN_HW).photo)
    return CalibrationPictures(paths, f"{len(seeds)} drawn lesions, seeds {seeds[0]} to {seeds[-1]}")


def untrained_file(work: UntrainedWork, progress: Progress) -> UntrainedFile:
    """Make the file with every layer in 8 bits that may be; it is neither verified nor in the bundle yet.

    Raises InputError if a picture for calibration cannot be used.
    """
    found = layers_in_reach(work.layers, work.checkpoint.contract, work.files, work.calibration)
    if not found.names:
        return UntrainedFile(work, found)
    scan = work.files.scan  # of the calibration pictures
    ranges, remark = found.ranges(work.options, {}, progress, largest=None if scan is None else scan.values)
    method = _METHOD if _METHOD in ranges else next(iter(ranges))
    kept = frozenset[str]() if scan is None else scan.kept(found.single)
    model = half_from_single(qdq_from_single(found.single, found.names, ranges[method]), kept)
    return UntrainedFile(work, found, TypedFile(_NAME, _PATH, "int8", model), method, remark)


def add_untrained(made: UntrainedFile, progress: Progress) -> QuantizedResult:
    """Add the file that was *made*, and the report on it."""
    work, found, artefacts = made.work, made.reached, made.work.artefacts
    digest = found.fingerprint.digest
    if made.file is None:
        artefacts.unmade[_NAME] = NO_LAYER
        return QuantizedResult((), digest)
    onnx = made.file.model.SerializeToString()
    artefacts.draft.add_bytes(_PATH, onnx)
    file = made.file
    with progress(1, "8 bits against torch"):
        artefacts.add(_NAME, _PATH, "int8", lambda: _verify(made, file, onnx))
    source = work.calibration.pictures.source
    told = f"int8: {len(found.names)} layers in 8 bits by {source}; {NOT_JUDGED}"
    artefacts.remarks += [*([made.remark] if made.remark else []), told]
    report = {
        "schema": REPORT_SCHEMA,
        "quantizer": work.options.quantizer,
        "calibration": _calibration(work.calibration, vars(found.fingerprint), digest),
        "method": made.method,
        "layers": {"quantizable": list(found.choice.quantizable), "left_alone": dict(found.choice.left_alone)},
        "judged": NOT_JUDGED,
    }
    artefacts.add_json(REPORT_PATH, report)
    return QuantizedResult((file,), digest)


def _calibration(calibration: Calibration, hashes: Mapping[str, object], digest: str) -> dict[str, object]:
    return {
        "source": calibration.pictures.source,
        "pictures": len(calibration.images),
        "fingerprint": {**hashes, "digest": digest},
    }


def _verify(made: UntrainedFile, file: TypedFile, onnx: bytes) -> Checks:
    """Return the figures of *file*, whose bytes are *onnx*.

    Raises ParityFailed if its numbers left torch's by more than 8 bits explain, VerificationFailed if a pair is where
    none was ordered or TensorRT-RTX cannot build it.
    """
    work, model, layers = made.work, file.model, frozenset(made.reached.names)
    contract, threads = work.checkpoint.contract, cores_left(work.artefacts)
    check_pairs(model, made.reached.single, layers)
    engines = (
        HalfEngine(model, contract, threads=threads),
        OnnxRuntimeEngine(onnx, contract, source=_PATH, threads=threads),
    )
    parities = [compare(engine, work.reference, contract, work.golden) for engine in engines]
    for parity in parities:
        parity.check(_PATH, _NOISE_OF_8_BITS)
    return {
        **parities[0].checks(),
        **golden_checks(parities),
        "calibration_method": made.method,
        "calibration_source": work.calibration.pictures.source,
        "layers_in_8_bits": len(layers),
        "arithmetic": "simulated: 8 bits in fp32, half rounded",
        "judged": NOT_JUDGED,
        "kept_fp32": kept_names(model),
        **built_checks(work.artefacts, work.options, onnx, _PATH),
    }
