"""The choice of an engine and an artefact by name; the libraries behind one are imported when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skinseg_edge.errors import ParityFailed, ToolMissing
from skinseg_edge.known_names import unknown_name

if TYPE_CHECKING:
    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.engines.protocol import Engine

__all__ = ["ENGINES", "PRECISIONS", "artefact_name", "open_engine", "usual_precision"]

ENGINES = ("auto", "onnxruntime", "trt", "trt-rtx", "coreml")
PRECISIONS = ("fp32", "fp16", "int8", "auto")

_OF_A_DEVICE = {
    "trt": "a TensorRT engine is built and run on the NVIDIA device itself",
    "trt-rtx": "a TensorRT-RTX engine is run on a workstation with an NVIDIA RTX card",
    "coreml": "a Core ML model is run on an Apple device",
}


def artefact_name(precision: str | None = None) -> str:
    """Return the name of the ONNX artefact of a *precision*; None is fp32, "auto" the mix that the export found.

    Raises UnknownName if the precision is none of PRECISIONS.

    >>> artefact_name("fp16")
    'onnx-fp16'
    """
    chosen = precision or "fp32"
    if chosen not in PRECISIONS:
        raise unknown_name("precision", chosen, PRECISIONS)
    return "onnx" if chosen == "fp32" else f"onnx-{chosen}"


def usual_precision(bundle: Bundle) -> str:
    """Return the precision that a GPU runs when none is asked for: fp16, fp32 where the bundle has no verified fp16."""
    names = {artefact.name for artefact in bundle.manifest.artefacts if artefact.status == "verified"}
    return "fp16" if artefact_name("fp16") in names else "fp32"


def open_engine(
    bundle: Bundle, name: str = "auto", *, precision: str | None = None, threads: int | None = None
) -> Engine:
    """Load the network of *bundle*.

    *name*: one of ENGINES; "auto" is onnxruntime. *precision*: one of PRECISIONS; None is fp32. *threads*: for one
    image, on a processor; None takes the cores that this process may use.

    Raises UnknownName if name or precision is unknown, ToolMissing if the engine cannot run here, BundleUnusable if the
    bundle lacks the artefact, ParityFailed if the artefact failed its acceptance, IntegrityFailed if its bytes differ
    from the manifest, ContractInvalid if the graph does not fit the contract.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if name in _OF_A_DEVICE:
        raise ToolMissing(
            f"cannot run with {name}: {_OF_A_DEVICE[name]}, and this version has no engine for it; "
            "use engine onnxruntime, which runs everywhere"
        )
    artefact = bundle.artefact(artefact_name(precision))
    if artefact.status != "verified":
        raise ParityFailed(
            f"cannot run {artefact.path} of {bundle.path}: its status is {artefact.status!r}, expected 'verified'; "
            "use another precision or export the model again"
        )
    from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(bundle.read(artefact.path), bundle.contract, source=artefact.path, threads=threads)
