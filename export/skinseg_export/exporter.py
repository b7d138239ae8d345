"""From a checkpoint to a bundle: make each artefact, hold it against the trained network, seal what was found.

An artefact that fails its verification stays in the bundle, marked failed, so that it can be looked at; the runtime
refuses it.
"""

import datetime
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from skinseg_edge._version import __version__
from skinseg_edge.atomic_files import check_free, fresh_folder
from skinseg_edge.bundle import BundleDraft
from skinseg_edge.known_names import unknown_name
from skinseg_edge.manifest import MANIFEST_NAME, Manifest, Provenance
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.progress import Progress, no_progress
from skinseg_edge.signing import check_private_key, sign_bundle
from skinseg_export.acceptance import AcceptanceBench
from skinseg_export.artefacts import Artefacts, Checks
from skinseg_export.card import model_card
from skinseg_export.coreml_artefacts import CoremlWork, add_coreml, check_coreml
from skinseg_export.export_gate import ExportGate, write_worst
from skinseg_export.export_options import PRECISIONS, QUANTIZERS, ExportOptions, ExportReport
from skinseg_export.golden import Golden, add_golden, golden_from_photos, golden_from_synthetic
from skinseg_export.half_evaluation import HalfEngine
from skinseg_export.parity import HALF, HALF_UNTRAINED, SINGLE, SINGLE_UNTRAINED, named_pictures, noise_pictures
from skinseg_export.quantization.modelopt_quantizer import require_modelopt
from skinseg_export.quantization.preparation import Calibration, Sources, prepared, sources_of
from skinseg_export.quantization.quantized_artefacts import QuantizedResult, QuantizedWork, add_quantized
from skinseg_export.quantization.untrained import NOT_JUDGED, UntrainedWork, add_untrained, write_drawn_pictures
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH, OnnxFiles, onnx_files_from_torch
from skinseg_export.targets.onnx.verify import verify_half, verify_single
from skinseg_export.targets.tensorrt.compute_capabilities import check_compute_capabilities
from skinseg_export.tensorrt_artefacts import TypedFile, add_tensorrt
from skinseg_export.tool_versions import tool_versions
from skinseg_export.torch_engine import TorchEngine
from skinseg_export.triton_artefacts import add_triton
from skinseg_runtime import Segmenter

__all__ = ["ExportOptions", "ExportReport", "export_bundle"]

_Made = TypeVar("_Made")


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
    with TemporaryDirectory() as scratch, fresh_folder(output, options.force, only_if_holds=MANIFEST_NAME) as folder:
        export = _Export(checkpoint, options, Artefacts(BundleDraft(folder)), progress, Path(scratch))
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
    """One export under way. *scratch*: an empty folder that goes away with it."""

    checkpoint: Checkpoint
    options: ExportOptions
    artefacts: Artefacts
    progress: Progress
    scratch: Path

    @property
    def _identity(self) -> dict[str, str]:
        """What every artefact says about where it comes from."""
        return {"network": self.checkpoint.network_name, "checkpoint_sha256": self.checkpoint.sha256 or "none"}

    def run(self, name: str) -> Manifest:
        checkpoint, options = self.checkpoint, self.options
        reference = TorchEngine(checkpoint.network, checkpoint.contract)
        segmenter = Segmenter(checkpoint.contract, reference)
        sources = self._sources()
        if sources.why_none:
            self.artefacts.warnings.append(sources.why_none)
        self.artefacts.remarks += options.idle
        golden = self._step("golden pictures", lambda: self._golden(sources, segmenter))
        calibration = prepared(sources, segmenter, self.progress, is_trained=checkpoint.trained)
        images = calibration.images if calibration else _network_inputs(golden, checkpoint)
        files = self._step("ONNX", lambda: self._files(images))
        bench = self._bench(sources, segmenter)
        gate = ExportGate(
            checkpoint.contract, self.artefacts, golden, bench, self.progress, is_trained=checkpoint.trained
        )
        self._add_onnx(files, reference, golden, gate)
        quantized = None
        if calibration is not None and options.wants_quantized:
            quantized = self._quantized(files, calibration, gate, bench, golden, reference)
        if not checkpoint.trained:
            pictures = f"{len(golden)} golden pictures and {len(noise_pictures(checkpoint.contract))} of noise"
            self.artefacts.remarks.append(f"{NOT_JUDGED}; every artefact was held against torch on {pictures}")
        if "trt" in options.targets:
            self._step("TensorRT", lambda: self._add_tensorrt(files, quantized))
        if "coreml" in options.targets:
            self._add_coreml(name, files, golden, gate, calibration)
        if "triton" in options.targets:
            self._step("Triton model repository", lambda: self._add_triton(files, reference, golden, name))
        return self._finish(name, golden, quantized)

    def _sources(self) -> Sources:
        checkpoint, options = self.checkpoint, self.options
        if checkpoint.trained or options.calibration is not None or not options.wants_quantized:
            return sources_of(options, checkpoint)
        drawn = write_drawn_pictures(self.scratch)
        sources = sources_of(replace(options, calibration=self.scratch), checkpoint)
        return replace(sources, calibration=sources.calibration and replace(sources.calibration, source=drawn))

    def _quantized(
        self,
        files: OnnxFiles,
        calibration: Calibration,
        gate: ExportGate,
        bench: AcceptanceBench | None,
        golden: tuple[Golden, ...],
        reference: TorchEngine,
    ) -> QuantizedResult:
        given = (self.checkpoint, self.options, self.artefacts, files, calibration)
        if bench is None:
            return add_untrained(UntrainedWork(*given, golden, reference), self.progress)
        return add_quantized(QuantizedWork(*given, gate, bench, golden, reference), self.progress)

    def _step(self, name: str, work: Callable[[], _Made]) -> _Made:
        """Do *work* behind a bar of one part."""
        with self.progress(1, name):
            return work()

    def _golden(self, sources: Sources, reference: Segmenter) -> tuple[Golden, ...]:
        if self.options.validation is None or sources.gate is None:  # a patient's picture travels only if asked for
            return golden_from_synthetic(reference, is_trained=self.checkpoint.trained)
        return golden_from_photos(sources.gate.paths, reference)

    def _bench(self, sources: Sources, segmenter: Segmenter) -> AcceptanceBench | None:
        if sources.gate is None or not self.checkpoint.trained:
            return None
        with self.progress(len(sources.gate), "masks of the trained network") as advance:
            return AcceptanceBench(segmenter, sources.gate, advance)

    def _files(self, images: Sequence[NDArray[np.uint8]]) -> OnnxFiles:
        options = self.options
        return onnx_files_from_torch(
            self.checkpoint.network,
            self.checkpoint.contract,
            half=options.wants_half,
            opset=options.opset,
            dynamic_batch=options.dynamic_batch,
            metadata=self._identity,
            scan=[image[None] for image in images],
        )

    def _add_onnx(self, files: OnnxFiles, reference: TorchEngine, golden: tuple[Golden, ...], gate: ExportGate) -> None:
        made, contract = self.artefacts, self.checkpoint.contract
        made.draft.add_bytes(SINGLE_PATH, files.single.model.SerializeToString())
        tolerances = SINGLE if self.checkpoint.trained else SINGLE_UNTRAINED

        def verify_fp32() -> Checks:
            return verify_single(files.single, contract, reference, golden, tolerances)

        with self.progress(1, "fp32 against torch"):
            made.add("onnx", SINGLE_PATH, "fp32", verify_fp32)
        if files.half_failure is not None:
            made.unmade["onnx-fp16"] = str(files.half_failure)
        if files.half is not None:
            half = files.half
            allowed = HALF if self.checkpoint.trained else HALF_UNTRAINED
            made.draft.add_bytes(HALF_PATH, half.SerializeToString())

            def verify() -> Checks:
                found = self._step(
                    "half precision",
                    lambda: verify_half(half, files.single.typed_source, contract, reference, golden, allowed),
                )
                long = ", ".join(files.scan.long_reductions if files.scan else ()) or "none"
                judged = gate.accept("onnx-fp16", "fp16", HalfEngine(half, contract))
                return {**found, "long_reductions_fp32": long, **judged}

            made.add("onnx-fp16", HALF_PATH, "fp16", verify)

    def _add_tensorrt(self, files: OnnxFiles, quantized: QuantizedResult | None) -> None:
        sources = [TypedFile("onnx", SINGLE_PATH, "fp32", files.single.model)]
        if files.half is not None:
            sources.insert(0, TypedFile("onnx-fp16", HALF_PATH, "fp16", files.half))
        for each in quantized.files if quantized else ():
            # TensorRT-RTX takes more kernels for 8 bits than for 16: its engine has 8 only where they were asked for,
            # and not of a file that the gate refused.
            is_wanted = self.options.precision == "int8" and not self.artefacts.has_failed(each.name)
            place = 0 if is_wanted else len(sources)
            sources.insert(place, each)
        lacks_half = self.options.wants_half and files.half is None
        add_tensorrt(
            self.artefacts,
            sources,
            self.checkpoint.contract,
            self.options,
            why_no_engine=f"cannot build the engine: its source {HALF_PATH} could not be made" if lacks_half else "",
        )

    def _add_triton(self, files: OnnxFiles, reference: TorchEngine, golden: Sequence[Golden], name: str) -> None:
        add_triton(
            self.artefacts,
            self.checkpoint,
            self.options,
            files.single,
            reference,
            golden,
            name=name,
            identity=self._identity,
        )

    def _add_coreml(
        self, name: str, files: OnnxFiles, golden: tuple[Golden, ...], gate: ExportGate, calibration: Calibration | None
    ) -> None:
        images = calibration.images if calibration else ()
        work = CoremlWork(
            checkpoint=self.checkpoint,
            options=self.options,
            artefacts=self.artefacts,
            gate=gate,
            golden=golden,
            exported=files.single.program,
            pictures=(*_network_inputs(golden, self.checkpoint), *images),
            calibration=images,
            identity=self._identity,
            name=name,
        )
        add_coreml(work, self.progress)

    def _finish(self, name: str, golden: tuple[Golden, ...], quantized: QuantizedResult | None) -> Manifest:
        checkpoint, made = self.checkpoint, self.artefacts
        provenance = Provenance(
            network=checkpoint.network_name,
            network_options=dict(checkpoint.options),
            checkpoint_sha256=checkpoint.sha256 or None,
            trained=checkpoint.trained,
            training_data=_training_data(checkpoint),
            code_version=__version__,
            tools=tool_versions(),
            created=_today(),
        )
        cases = add_golden(made.draft, golden, checkpoint.contract)
        sources = [case.source for case in golden]
        card = model_card(name, checkpoint.contract, provenance, made.made, card=checkpoint.card, golden=sources)
        made.draft.add_bytes("MODEL_CARD.md", card.encode())
        return made.draft.finish(
            name=name,
            contract=checkpoint.contract,
            provenance=provenance,
            artefacts=made.made,
            golden=cases,
            device_plans=made.plans,
            calibration=None if quantized is None else quantized.fingerprint,
        )


def _network_inputs(golden: Sequence[Golden], checkpoint: Checkpoint) -> tuple[NDArray[np.uint8], ...]:
    """Return golden and random pictures as the network sees them, (H, W, 3) uint8 RGB."""
    contract = checkpoint.contract
    return tuple(picture[0] for picture in named_pictures(contract, golden, noise_pictures(contract)).values())


def _training_data(checkpoint: Checkpoint) -> str:
    if not checkpoint.trained:
        return "none"
    pictures = checkpoint.training.get("train_pictures")
    named = checkpoint.training.get("data", "not recorded")
    return f"{named} ({pictures} pictures)" if pictures is not None else str(named)


def _today() -> str:
    # https://reproducible-builds.org/specs/source-date-epoch: the same bundle from the same sources
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    if moment is not None and moment.isdigit():
        return datetime.datetime.fromtimestamp(int(moment), datetime.timezone.utc).date().isoformat()
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
