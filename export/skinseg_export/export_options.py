"""What an export is asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from skinseg_edge.manifest import Manifest
from skinseg_export.opsets import DEFAULT_OPSET
from skinseg_export.targets.tensorrt.compute_capabilities import COMPUTE_CAPABILITIES

__all__ = [
    "CALIBRATION_PICTURES",
    "COREML_PRECISIONS",
    "PRECISIONS",
    "QUANTIZERS",
    "ExportOptions",
    "ExportReport",
    "MissingTool",
]

PRECISIONS = ("auto", "fp32", "fp16", "int8", "int4", "palettized", "w8a8")
COREML_PRECISIONS = ("int4", "palettized", "w8a8")
"""What only Core ML has; the other targets are made in fp16."""

QUANTIZERS = ("onnxruntime", "modelopt")
CALIBRATION_PICTURES = 128


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """*targets*: out of `targets.TARGETS`; the fp32 ONNX file is always made, because everything is held against it.

    *precision*: `fp32` alone; `fp16` beside it; `int8` beside both, every layer that may be; `auto` beside fp32 and
    fp16, as many layers in 8 bits as pass the acceptance gate. Of Core ML: `int8`, `int4` and `palettized` weights, and
    `w8a8`, beside fp16; `auto` is fp16. *ios*: the oldest that runs the Core ML packages. *coreml_sizes*: rows and
    columns of pictures that they take beside the contract's input_hw, px.
    *validation*: folder of the gate's and the golden pictures. None: golden ones are drawn, and 8 bits are judged on
    the validation list beside the calibration pictures.
    *calibration*: folder of training pictures; None: the training list that the checkpoint names. *calibration_cache*:
    file that keeps what calibration found, read only if pictures, preprocessing and graph are the same.
    *quantizer*: out of QUANTIZERS, what calibrates. *compute_capabilities*: of the GPUs that the TensorRT-RTX engine is
    built for, one or more. *key*: PEM file of the private key that signs the bundle.
    """

    targets: tuple[str, ...]
    precision: str = "fp16"
    opset: int = DEFAULT_OPSET
    dynamic_batch: bool = False
    validation: Path | None = None
    calibration: Path | None = None
    calibration_count: int = CALIBRATION_PICTURES
    calibration_cache: Path | None = None
    quantizer: str = "onnxruntime"
    compute_capabilities: tuple[str, ...] = COMPUTE_CAPABILITIES
    ios: Literal[17, 18] = 17
    coreml_sizes: tuple[tuple[int, int], ...] = ()
    key: Path | None = None
    force: bool = False

    @property
    def wants_half(self) -> bool:
        """Whether half-precision artefacts are made."""
        return self.precision != "fp32"

    @property
    def wants_quantized(self) -> bool:
        """Whether ONNX files in 8 bits are asked for; Core ML alone makes its own, from the network."""
        return self.precision in ("int8", "auto") and self.targets != ("coreml",)

    @property
    def wants_calibration(self) -> bool:
        """Whether something is made that needs ranges measured on pictures."""
        return self.wants_quantized or (self.precision == "w8a8" and "coreml" in self.targets)

    @property
    def idle(self) -> tuple[str, ...]:
        """What was asked for and changes nothing, a sentence each."""
        return (*self._idle_quantizer, *self._idle_coreml)

    @property
    def _idle_quantizer(self) -> tuple[str, ...]:
        if not self.wants_quantized:
            asked = (("--quantizer", self.quantizer != QUANTIZERS[0]), ("--calibration-cache", self.calibration_cache))
            named = " and ".join(option for option, given in asked if given)
            has_none = self.precision if self.precision in ("fp32", "fp16") else f"an ONNX file beside {self.precision}"
            return (f"{named} did nothing: {has_none} has no 8 bits",) if named else ()
        if self.quantizer == "modelopt" and self.calibration_cache is not None:
            return (f"{self.calibration_cache} was neither read nor written: modelopt calibrates anew",)
        return ()

    @property
    def _idle_coreml(self) -> tuple[str, ...]:
        told = []
        others = ", ".join(target for target in self.targets if target != "coreml")
        if self.precision in COREML_PRECISIONS and others:
            told.append(f"{self.precision} is for coreml: {others} was made in fp32 and fp16")
        if self.precision == "auto" and self.targets == ("coreml",):
            told.append("auto is fp16 for coreml: layers in 8 bits are chosen for ONNX files; ask for int8, or another")
        if "coreml" not in self.targets:
            asked = (("--ios", self.ios != 17), ("--coreml-sizes", self.coreml_sizes))
            named = " and ".join(option for option, given in asked if given)
            told += [f"{named} did nothing: coreml was not asked for"] if named else []
        return tuple(told)


@dataclass(frozen=True)
class MissingTool:
    """An artefact that could not be made here. *remedy*: one sentence. *is_fatal*: whether it was plainly asked for."""

    artefact: str
    remedy: str
    is_fatal: bool


@dataclass(frozen=True)
class ExportReport:
    """*manifest*: of the bundle at *path*. *unmade*: why an artefact could not be made at all, by its name.

    *remarks*: what a user should know of how it was made, *warnings*: what is worse than asked; a sentence each.
    *worst*: the pictures on which a refused artefact did worst, side by side; PNG files beside the bundle, by artefact.
    """

    path: Path
    manifest: Manifest
    missing: tuple[MissingTool, ...]
    unmade: Mapping[str, str]
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    worst: Mapping[str, Path] = field(default_factory=dict)

    @property
    def failures(self) -> dict[str, str]:
        """What failed, by artefact, in one sentence each."""
        failed = [artefact for artefact in self.manifest.artefacts if artefact.status == "failed"]
        return {**{each.name: str(each.checks.get("failure", "")) for each in failed}, **self.unmade}
