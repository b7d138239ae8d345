"""From a checkpoint to a bundle: make each artefact, hold it against the trained network, seal what was found.

An artefact that fails its verification stays in the bundle, marked failed, so that it can be looked at; the runtime
refuses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from skinseg_edge.atomic_files import check_free, fresh_folder
from skinseg_edge.bundle import BundleDraft
from skinseg_edge.known_names import unknown_name
from skinseg_edge.manifest import MANIFEST_NAME, Manifest
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.progress import Progress, no_progress
from skinseg_edge.signing import check_private_key, sign_bundle
from skinseg_export.artefacts import Artefacts
from skinseg_export.coreml_artefacts import CoremlWork, add_coreml, check_coreml
from skinseg_export.engine_ahead import engine_ahead
from skinseg_export.export_gate import ExportGate, write_worst
from skinseg_export.export_options import PRECISIONS, QUANTIZERS, ExportOptions, ExportReport
from skinseg_export.golden import Golden
from skinseg_export.groundwork import Groundwork
from skinseg_export.kept_memory import kept_memory
from skinseg_export.onnx_artefacts import OnnxWork, add_onnx
from skinseg_export.quantization.modelopt_quantizer import require_modelopt
from skinseg_export.quantization.preparation import Calibration, prepared
from skinseg_export.quantization.quantized_artefacts import QuantizedResult, QuantizedWork, add_quantized
from skinseg_export.quantization.untrained import NOT_JUDGED, UntrainedWork, add_untrained, untrained_file
from skinseg_export.sealing import sealed
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH, OnnxFiles
from skinseg_export.targets.tensorrt.compute_capabilities import check_compute_capabilities
from skinseg_export.tensorrt_artefacts import TypedFile, add_tensorrt
from skinseg_export.triton_artefacts import add_triton

__all__ = ["ExportOptions", "ExportReport", "export_bundle"]


def export_bundle(
    checkpoint: Checkpoint,
    output: Path,
    options: ExportOptions,
    progress: Progress = no_progress,
) -> ExportReport:
    """Write the bundle of *checkpoint* to *output*, whole or not at all.

    *progress* is opened for each step with the number of its parts and a description; what it gives is called after
    each part.

    Raises OutputRefused if something is there and not options.force, ToolMissing if Core ML alone is asked for without
    coremltools, or modelopt without its packages, InputError if the network cannot be expressed or pictures to quantize
    by are not to be had; what merely fails verification is in the report.
    """
    check_free(output, force=options.force)
    _check_options(options)
    with (
        kept_memory(),
        TemporaryDirectory() as scratch,
        fresh_folder(output, options.force, only_if_holds=MANIFEST_NAME) as folder,
    ):
        export = _Export(Groundwork(checkpoint, options, progress, Path(scratch)), Artefacts(BundleDraft(folder)))
        manifest = export.run(output.name.removesuffix(".skinseg"))
        if options.key is not None:
            sign_bundle(folder, options.key)
    made = export.artefacts
    # Beside the bundle, not in it: the bundle travels, and these show patients.
    worst = write_worst(output.with_name(f"{output.name.removesuffix('.skinseg')}.worst"), made.worst)
    told = tuple(made.remarks), tuple(made.warnings)
    return ExportReport(output, manifest, tuple(made.missing), made.unmade, *told, worst)


def _check_options(options: ExportOptions) -> None:
    for kind, given, known in (
        ("precision", options.precision, PRECISIONS),
        ("quantizer", options.quantizer, QUANTIZERS),
    ):
        if given not in known:
            raise unknown_name(kind, given, known)
    if options.key is not None:
        check_private_key(options.key)
    check_compute_capabilities(options.compute_capabilities)
    check_coreml(options)
    if options.wants_quantized and options.quantizer == "modelopt":
        require_modelopt()


@dataclass
class _Export:
    """One export under way."""

    groundwork: Groundwork
    artefacts: Artefacts

    def run(self, name: str) -> Manifest:
        ground, made = self.groundwork, self.artefacts
        checkpoint, options, progress = ground.checkpoint, ground.options, ground.progress
        if ground.sources.why_none:
            made.warnings.append(ground.sources.why_none)
        made.remarks += options.idle
        exported, golden, layers = ground.exported()
        calibration = prepared(ground.sources, ground.segmenter, progress, is_trained=checkpoint.trained)
        files = ground.files(exported, golden, calibration)
        bench = ground.bench()
        gate = ExportGate(checkpoint.contract, made, golden, bench, progress, is_trained=checkpoint.trained)
        fresh = judged = None
        if calibration is not None and layers is not None:
            common = (checkpoint, options, made, files, layers, calibration)
            if bench is None:
                fresh = untrained_file(UntrainedWork(*common, golden, ground.reference), progress)
            else:
                judged = QuantizedWork(*common, gate, bench, golden, ground.reference)
        quantized = None
        # Of fresh weights in 8 bits one engine is enough, and theirs waits for no verdict.
        with engine_ahead(made, (fresh and fresh.file) or _half_of(files), options):
            add_onnx(self._onnx_work(files, golden, gate, is_calibrated=calibration is not None), progress)
            if fresh is not None:
                quantized = add_untrained(fresh, progress)
            elif judged is not None:
                quantized = add_quantized(judged, progress)
            if "trt" in options.targets:
                with progress(1, "TensorRT"):
                    self._add_tensorrt(files, quantized)
        if not checkpoint.trained:
            made.remarks.append(self._held_against(golden))
        if "coreml" in options.targets:
            self._add_coreml(name, files, golden, gate, calibration)
        if "triton" in options.targets:
            with progress(1, "Triton model repository"):
                self._add_triton(files, golden, name)
        return sealed(checkpoint, made, golden, name, None if quantized is None else quantized.fingerprint)

    def _held_against(self, golden: Sequence[Golden]) -> str:
        pictures = f"{len(golden)} golden pictures and {len(self.groundwork.noise)} of noise"
        return f"{NOT_JUDGED}; every artefact was held against torch on {pictures}"

    def _onnx_work(
        self,
        files: OnnxFiles,
        golden: tuple[Golden, ...],
        gate: ExportGate,
        *,
        is_calibrated: bool,
    ) -> OnnxWork:
        return OnnxWork(
            self.groundwork.checkpoint,
            self.artefacts,
            files,
            gate,
            golden,
            self.groundwork.noise,
            self.groundwork.reference,
            scan_tells_reach=not (is_calibrated and self.groundwork.checkpoint.trained),
        )

    def _add_tensorrt(self, files: OnnxFiles, quantized: QuantizedResult | None) -> None:
        sources = [TypedFile("onnx", SINGLE_PATH, "fp32", files.single.model)]
        half = _half_of(files)
        if half is not None:
            sources.insert(0, half)
        for each in quantized.files if quantized else ():
            # TensorRT-RTX takes more kernels for 8 bits than for 16: its engine has 8 only where they were asked for,
            # and not of a file that the gate refused.
            is_wanted = self.groundwork.options.precision == "int8" and not self.artefacts.has_failed(each.name)
            place = 0 if is_wanted else len(sources)
            sources.insert(place, each)
        lacks_half = self.groundwork.options.wants_half and files.half is None
        add_tensorrt(
            self.artefacts,
            sources,
            self.groundwork.checkpoint.contract,
            self.groundwork.options,
            why_no_engine=f"cannot build the engine: its source {HALF_PATH} could not be made" if lacks_half else "",
            only_first=not self.groundwork.checkpoint.trained,
        )

    def _add_triton(self, files: OnnxFiles, golden: Sequence[Golden], name: str) -> None:
        add_triton(
            self.artefacts,
            self.groundwork.checkpoint,
            self.groundwork.options,
            files.single,
            self.groundwork.reference,
            golden,
            name=name,
            identity=self.groundwork.identity,
        )

    def _add_coreml(
        self, name: str, files: OnnxFiles, golden: tuple[Golden, ...], gate: ExportGate, calibration: Calibration | None
    ) -> None:
        images = calibration.images if calibration else ()
        work = CoremlWork(
            checkpoint=self.groundwork.checkpoint,
            options=self.groundwork.options,
            artefacts=self.artefacts,
            gate=gate,
            golden=golden,
            exported=files.single.program,
            pictures=(*self.groundwork.network_inputs(golden), *images),
            calibration=images,
            identity=self.groundwork.identity,
            name=name,
        )
        add_coreml(work, self.groundwork.progress)


def _half_of(files: OnnxFiles) -> TypedFile | None:
    return None if files.half is None else TypedFile("onnx-fp16", HALF_PATH, "fp16", files.half)
