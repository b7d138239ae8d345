"""From a checkpoint to a bundle: make each artefact, hold it against the trained network, seal what was found.

An artefact that fails its verification stays in the bundle, marked failed, so that it can be looked at; the runtime
refuses it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import check_free, fresh_folder
from skinseg_edge.bundle import BundleDraft
from skinseg_edge.known_names import unknown_name
from skinseg_edge.manifest import MANIFEST_NAME, Manifest
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.preprocessing import to_network_input
from skinseg_edge.progress import Progress, no_progress
from skinseg_edge.signing import check_private_key, sign_bundle
from skinseg_export.acceptance import AcceptanceBench
from skinseg_export.artefacts import Artefacts
from skinseg_export.coreml_artefacts import CoremlWork, add_coreml, check_coreml
from skinseg_export.engine_ahead import engine_ahead
from skinseg_export.export_gate import ExportGate, write_worst
from skinseg_export.export_options import PRECISIONS, QUANTIZERS, ExportOptions, ExportReport
from skinseg_export.golden import (
    GOLDEN_COUNT,
    Golden,
    Pictures,
    drawn_pictures,
    golden_from_pictures,
    spread_photos,
)
from skinseg_export.kept_memory import kept_memory
from skinseg_export.onnx_artefacts import OnnxWork, add_onnx
from skinseg_export.onnx_from_torch import OnnxExport, onnx_from_torch
from skinseg_export.parity import UNTRAINED_NOISE, named_pictures, noise_pictures
from skinseg_export.quantization.modelopt_quantizer import require_modelopt
from skinseg_export.quantization.preparation import Calibration, Sources, prepared, sources_of
from skinseg_export.quantization.quantized_artefacts import QuantizedResult, QuantizedWork, add_quantized
from skinseg_export.quantization.untrained import NOT_JUDGED, UntrainedWork, add_untrained, drawn_calibration
from skinseg_export.sealing import sealed
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH, OnnxFiles, onnx_files
from skinseg_export.targets.tensorrt.compute_capabilities import check_compute_capabilities
from skinseg_export.tensorrt_artefacts import TypedFile, add_tensorrt
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
    with (
        kept_memory(),
        TemporaryDirectory() as scratch,
        fresh_folder(output, options.force, only_if_holds=MANIFEST_NAME) as folder,
    ):
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
        candidates = self._golden_candidates(sources)
        first = tuple(islice(candidates, GOLDEN_COUNT))  # whatever they show, torch is asked about them
        with reference.answering_ahead([*self._at_network_size(first), *self._noise]):
            exported = self._step("ONNX", self._exported)
        pictures = chain(first, candidates)
        golden = self._step("golden pictures", lambda: golden_from_pictures(pictures, segmenter))
        calibration = prepared(sources, segmenter, self.progress, is_trained=checkpoint.trained)
        files = self._step("ranges of values", lambda: self._files(exported, golden, calibration))
        bench = self._bench(sources, segmenter)
        gate = ExportGate(
            checkpoint.contract, self.artefacts, golden, bench, self.progress, is_trained=checkpoint.trained
        )
        with engine_ahead(self.artefacts, files, options) if self._builds_half else nullcontext():
            work = self._onnx_work(files, reference, golden, gate, is_calibrated=calibration is not None)
            add_onnx(work, self.progress)
            quantized = None
            if calibration is not None and options.wants_quantized:
                quantized = self._quantized(files, calibration, gate, bench, golden, reference)
            if "trt" in options.targets:
                self._step("TensorRT", lambda: self._add_tensorrt(files, quantized))
        if not checkpoint.trained:
            self.artefacts.remarks.append(self._held_against(golden))
        if "coreml" in options.targets:
            self._add_coreml(name, files, golden, gate, calibration)
        if "triton" in options.targets:
            self._step("Triton model repository", lambda: self._add_triton(files, reference, golden, name))
        return sealed(checkpoint, self.artefacts, golden, name, None if quantized is None else quantized.fingerprint)

    @property
    def _builds_half(self) -> bool:
        """Whether the half file's engine is wanted in any case: of fresh weights in 8 bits, theirs is enough."""
        return self.checkpoint.trained or not self.options.wants_quantized

    @cached_property
    def _noise(self) -> tuple[NDArray[np.uint8], ...]:
        """Pictures of noise at network size: fewer for fresh weights, by which nobody is judged."""
        contract = self.checkpoint.contract
        return noise_pictures(contract) if self.checkpoint.trained else noise_pictures(contract, UNTRAINED_NOISE)

    def _held_against(self, golden: Sequence[Golden]) -> str:
        pictures = f"{len(golden)} golden pictures and {len(self._noise)} of noise"
        return f"{NOT_JUDGED}; every artefact was held against torch on {pictures}"

    def _sources(self) -> Sources:
        checkpoint, options = self.checkpoint, self.options
        draws = not checkpoint.trained and options.calibration is None and options.wants_quantized
        return sources_of(options, checkpoint, drawn_calibration(self.scratch) if draws else None)

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

    def _golden_candidates(self, sources: Sources) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        if self.options.validation is None or sources.gate is None:  # a patient's picture travels only if asked for
            return iter(drawn_pictures(self.checkpoint.contract, is_trained=self.checkpoint.trained))
        return iter(spread_photos(sources.gate.paths))

    def _at_network_size(self, pictures: Pictures) -> Iterator[NDArray[np.uint8]]:
        contract = self.checkpoint.contract
        return (to_network_input(pixels, contract, photo_hw=pixels.shape[:2]).pixels for _, pixels in pictures)

    def _bench(self, sources: Sources, segmenter: Segmenter) -> AcceptanceBench | None:
        if sources.gate is None or not self.checkpoint.trained:
            return None
        with self.progress(len(sources.gate), "masks of the trained network") as advance:
            return AcceptanceBench(segmenter, sources.gate, advance)

    def _exported(self) -> OnnxExport:
        return onnx_from_torch(
            self.checkpoint.network,
            self.checkpoint.contract,
            opset=self.options.opset,
            dynamic_batch=self.options.dynamic_batch,
            metadata=self._identity,
        )

    def _files(self, exported: OnnxExport, golden: tuple[Golden, ...], calibration: Calibration | None) -> OnnxFiles:
        images = calibration.images if calibration else self._network_inputs(golden)
        return onnx_files(exported, half=self.options.wants_half, scan=[image[None] for image in images])

    def _network_inputs(self, golden: tuple[Golden, ...]) -> tuple[NDArray[np.uint8], ...]:
        """Return golden and random pictures as the network sees them, (H, W, 3) uint8 RGB."""
        named = named_pictures(self.checkpoint.contract, golden, self._noise)
        return tuple(picture[0] for picture in named.values())

    def _onnx_work(
        self,
        files: OnnxFiles,
        reference: TorchEngine,
        golden: tuple[Golden, ...],
        gate: ExportGate,
        *,
        is_calibrated: bool,
    ) -> OnnxWork:
        return OnnxWork(
            self.checkpoint,
            self.artefacts,
            files,
            gate,
            golden,
            self._noise,
            reference,
            scan_tells_reach=not (is_calibrated and self.checkpoint.trained),
        )

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
            only_first=not self.checkpoint.trained,
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
            pictures=(*self._network_inputs(golden), *images),
            calibration=images,
            identity=self._identity,
            name=name,
        )
        add_coreml(work, self.progress)
