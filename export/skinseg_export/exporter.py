"""From a checkpoint to a bundle: make each artefact, hold it against the trained network, seal what was found.

An artefact that fails its verification stays in the bundle, marked failed, so that it can be looked at; the runtime
refuses it.
"""

import datetime
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skinseg_edge._version import __version__
from skinseg_edge.atomic_files import check_free, fresh_folder
from skinseg_edge.bundle import BundleDraft
from skinseg_edge.errors import InputError, ToolMissing, VerificationFailed
from skinseg_edge.manifest import MANIFEST_NAME, Artefact, Manifest, Provenance
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_edge.signing import check_private_key, sign_bundle
from skinseg_export.card import model_card
from skinseg_export.golden import Golden, add_golden, golden_from_folder, golden_from_synthetic
from skinseg_export.onnx_from_torch import DEFAULT_OPSET
from skinseg_export.parity import HALF, HALF_UNTRAINED
from skinseg_export.targets.coreml.build import coreml_version, mlpackage_from_torch
from skinseg_export.targets.coreml.verify import verify_mlpackage
from skinseg_export.targets.onnx.build import HALF_PATH, SINGLE_PATH, OnnxFiles, onnx_files_from_torch
from skinseg_export.targets.onnx.verify import verify_half, verify_single
from skinseg_export.targets.tensorrt.build import jetson_plan, rtx_engine_from_onnx
from skinseg_export.targets.tensorrt.rtx_builder import rtx_version
from skinseg_export.targets.tensorrt.verify import verify_rtx_engine
from skinseg_export.tool_versions import tool_versions
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter

__all__ = ["PRECISIONS", "STEPS", "ExportOptions", "ExportReport", "MissingTool", "export_bundle"]

PRECISIONS = ("auto", "fp32", "fp16")
STEPS = 5  # how often `on_step` is called at most
ENGINE_PATH = "model.rtx.engine"
SIDECAR_PATH = "model.rtx.json"
PACKAGE_PATH = "model.mlpackage"

Step = Callable[[str], None]
Checks = Mapping[str, float | str | bool]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """*targets*: out of `targets.TARGETS`; the fp32 ONNX file is always made, because everything is held against it.

    *precision*: `fp32` alone, or `fp16` beside it; `auto` is fp16, the best on GPUs. *validation*: folder of golden
    pictures; None draws them. *key*: PEM file of the private key that signs the bundle.
    """

    targets: tuple[str, ...]
    precision: str = "auto"
    opset: int = DEFAULT_OPSET
    dynamic_batch: bool = False
    validation: Path | None = None
    key: Path | None = None
    force: bool = False

    @property
    def wants_half(self) -> bool:
        """Whether half-precision artefacts are made."""
        return self.precision != "fp32"


@dataclass(frozen=True)
class MissingTool:
    """An artefact that could not be made here. *remedy*: one sentence. *is_fatal*: whether it was plainly asked for."""

    artefact: str
    remedy: str
    is_fatal: bool


@dataclass(frozen=True)
class ExportReport:
    """*manifest*: of the bundle at *path*. *unmade*: why an artefact could not be made at all, by its name."""

    path: Path
    manifest: Manifest
    missing: tuple[MissingTool, ...]
    unmade: Mapping[str, str]

    @property
    def failures(self) -> dict[str, str]:
        """What failed, by artefact, in one sentence each."""
        failed = [artefact for artefact in self.manifest.artefacts if artefact.status == "failed"]
        return {**{each.name: str(each.checks.get("failure", "")) for each in failed}, **self.unmade}


def export_bundle(
    checkpoint: Checkpoint, output: Path, options: ExportOptions, on_step: Step = lambda step: None
) -> ExportReport:
    """Write the bundle of *checkpoint* to *output*, whole or not at all.

    *on_step* is called with the name of each step as it begins.

    Raises OutputRefused if something is there and not options.force, ToolMissing if Core ML alone is asked for without
    coremltools, InputError if the network cannot be expressed; what merely fails verification is in the report.
    """
    check_free(output, force=options.force)
    _check_options(options)
    with fresh_folder(output, options.force, only_if_holds=MANIFEST_NAME) as folder:
        export = _Export(checkpoint, options, BundleDraft(folder), on_step)
        manifest = export.run(output.name.removesuffix(".skinseg"))
        if options.key is not None:
            sign_bundle(folder, options.key)
    return ExportReport(output, manifest, tuple(export.missing), export.unmade)


def _check_options(options: ExportOptions) -> None:
    if options.precision == "int8":
        raise InputError("cannot export int8: this version has no quantization; use --precision auto, fp32 or fp16")
    if options.key is not None:
        check_private_key(options.key)
    if options.targets == ("coreml",) and coreml_version() is None:
        raise ToolMissing(f"cannot export for coreml: {_COREML_REMEDY}")


_COREML_REMEDY = "coremltools is not installed; run pip install 'skinseg-edge[coreml]' (x86-64 Linux and macOS)"
_RTX_REMEDY = "tensorrt_rtx is not installed; run pip install 'skinseg-edge[trt-rtx]' (x86-64 Linux and Windows)"


@dataclass
class _Export:
    """One export under way: the draft, and what has been found so far."""

    checkpoint: Checkpoint
    options: ExportOptions
    draft: BundleDraft
    on_step: Step
    artefacts: list[Artefact] = field(default_factory=list)
    missing: list[MissingTool] = field(default_factory=list)
    unmade: dict[str, str] = field(default_factory=dict)
    plans: list[Mapping[str, object]] = field(default_factory=list)

    @property
    def _identity(self) -> dict[str, str]:
        """What every artefact says about where it comes from."""
        return {"network": self.checkpoint.network_name, "checkpoint_sha256": self.checkpoint.sha256 or "none"}

    def run(self, name: str) -> Manifest:
        checkpoint, contract = self.checkpoint, self.checkpoint.contract
        reference = TorchEngine(checkpoint.network, contract)
        self.on_step("golden pictures")
        golden = self._golden(Segmenter(contract, reference))
        self.on_step("ONNX")
        files = onnx_files_from_torch(
            checkpoint.network,
            contract,
            half=self.options.wants_half,
            opset=self.options.opset,
            dynamic_batch=self.options.dynamic_batch,
            metadata=self._identity,
        )
        self._add_onnx(files, reference, golden)
        if "trt" in self.options.targets:
            self._add_tensorrt(files)
        if "coreml" in self.options.targets:
            self._add_coreml()
        return self._finish(name, golden)

    def _golden(self, reference: Segmenter) -> tuple[Golden, ...]:
        if self.options.validation is None:
            return golden_from_synthetic(reference)
        return golden_from_folder(self.options.validation, reference)

    def _add_onnx(self, files: OnnxFiles, reference: TorchEngine, golden: tuple[Golden, ...]) -> None:
        contract = self.checkpoint.contract
        self.draft.add_bytes(SINGLE_PATH, files.single.model.SerializeToString())
        self._add("onnx", SINGLE_PATH, "fp32", lambda: verify_single(files.single, contract, reference, golden))
        self.on_step("half precision")
        if files.half_failure is not None:
            self.unmade["onnx-fp16"] = str(files.half_failure)
        if files.half is not None:
            half = files.half
            allowed = HALF if self.checkpoint.trained else HALF_UNTRAINED
            self.draft.add_bytes(HALF_PATH, half.SerializeToString())
            self._add(
                "onnx-fp16",
                HALF_PATH,
                "fp16",
                lambda: verify_half(half, files.single.model, contract, reference, golden, allowed),
            )

    def _add_tensorrt(self, files: OnnxFiles) -> None:
        self.on_step("TensorRT-RTX engine")
        contract, dynamic = self.checkpoint.contract, self.options.dynamic_batch
        sources = [(files.single.model, SINGLE_PATH, "fp32", "onnx")]
        if files.half is not None:
            sources.insert(0, (files.half, HALF_PATH, "fp16", "onnx-fp16"))
        for model, path, precision, _ in sources:
            self.plans.append(jetson_plan(model.SerializeToString(), path, precision, contract, dynamic_batch=dynamic))
        if rtx_version() is None:
            self.missing.append(MissingTool("trt-rtx", _RTX_REMEDY, is_fatal=False))
            return
        if self.options.wants_half and files.half is None:
            self.unmade["trt-rtx"] = f"cannot build the engine: its source {HALF_PATH} could not be made"
            return
        model, path, precision, source = sources[0]
        onnx = model.SerializeToString()
        try:
            engine = rtx_engine_from_onnx(onnx, path, precision)
        except VerificationFailed as failure:
            self.unmade["trt-rtx"] = str(failure)
            return
        self.draft.add_bytes(ENGINE_PATH, engine.data)
        self.draft.add_bytes(SIDECAR_PATH, json.dumps(engine.sidecar, indent=2, sort_keys=True).encode() + b"\n")
        self._add(
            "trt-rtx",
            ENGINE_PATH,
            precision,
            lambda: self._sound(source, verify_rtx_engine(engine.data, engine.sidecar, onnx, contract)),
        )

    def _sound(self, source: str, checks: Checks) -> Checks:
        """Return *checks* unless the artefact that this one is built of has failed."""
        status = next(artefact.status for artefact in self.artefacts if artefact.name == source)
        if status == "failed":
            raise VerificationFailed(
                f"cannot accept the engine: it is built of {source}, which failed its verification"
            )
        return checks

    def _add_coreml(self) -> None:
        self.on_step("Core ML package")
        if coreml_version() is None:
            self.missing.append(MissingTool("coreml", _COREML_REMEDY, is_fatal=True))
            return
        network, contract = self.checkpoint.network, self.checkpoint.contract
        precision = "fp16" if self.options.wants_half else "fp32"
        parameters = sum(parameter.numel() for parameter in network.parameters())
        with tempfile.TemporaryDirectory() as scratch:
            package = Path(scratch) / PACKAGE_PATH
            mlpackage_from_torch(network, contract, package, precision=precision, metadata=self._identity)
            self.draft.add_folder(PACKAGE_PATH, package)
            self._add(
                "coreml", PACKAGE_PATH, precision, lambda: verify_mlpackage(package, contract, parameters=parameters)
            )

    def _add(self, name: str, path: str, precision: str, verify: Callable[[], Checks]) -> None:
        try:
            checks = verify()
        except VerificationFailed as failure:
            checks = {"failure": str(failure)}
            self.artefacts.append(Artefact(name=name, path=path, precision=precision, status="failed", checks=checks))
            return
        self.artefacts.append(Artefact(name=name, path=path, precision=precision, status="verified", checks=checks))

    def _finish(self, name: str, golden: tuple[Golden, ...]) -> Manifest:
        checkpoint = self.checkpoint
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
        cases = add_golden(self.draft, golden, checkpoint.contract)
        sources = [case.source for case in golden]
        card = model_card(name, checkpoint.contract, provenance, self.artefacts, card=checkpoint.card, golden=sources)
        self.draft.add_bytes("MODEL_CARD.md", card.encode())
        return self.draft.finish(
            name=name,
            contract=checkpoint.contract,
            provenance=provenance,
            artefacts=self.artefacts,
            golden=cases,
            device_plans=self.plans,
        )


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
