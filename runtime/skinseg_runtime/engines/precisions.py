"""The forms in which a bundle holds its network, and which of them an engine takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skinseg_edge.errors import InputError, ParityFailed
from skinseg_edge.known_names import unknown_name

if TYPE_CHECKING:
    from skinseg_edge.bundle import Bundle
    from skinseg_edge.manifest_parts import Artefact

__all__ = [
    "KNOWN_PRECISIONS",
    "PRECISIONS",
    "artefact_name",
    "artefact_of_engine",
    "check_precision",
    "runnable_artefact",
    "usual_precision",
]

PRECISIONS = ("fp32", "fp16", "int8", "auto")
"""Of the ONNX files, which every engine but Core ML reads."""

_COREML_PRECISIONS = ("fp32", "fp16", "int8", "int4", "palettized", "w8a8")
KNOWN_PRECISIONS = tuple(dict.fromkeys((*PRECISIONS, *_COREML_PRECISIONS)))
"""Of whatever a bundle may hold."""


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


def artefact_of_engine(bundle: Bundle, engine: str, precision: str | None = None) -> Artefact:
    """Return the artefact that *engine*, one of ENGINES, would run in a *precision*, accepted or not.

    *precision*: None is "coreml" for Core ML and fp32 for every other engine.

    Raises UnknownName if there is no such precision, InputError if the engine has none such, ToolMissing if Core ML
    cannot run here, BundleUnusable if the bundle lacks it.
    """
    check_precision(engine, precision)
    if engine != "coreml":
        return bundle.artefact(artefact_name(precision))
    from skinseg_runtime.engines.coreml import coreml_package
    from skinseg_runtime.engines.coreml_frameworks import load_frameworks

    load_frameworks()  # what is missing here is told before what the bundle may lack
    return coreml_package(bundle, precision)


def check_precision(engine: str, precision: str | None) -> None:
    """Check that *engine*, one of ENGINES, has a *precision*, in whatever bundle; None is one that every engine has.

    Raises UnknownName if there is no such precision, InputError if the engine has none such.
    """
    own, other = (_COREML_PRECISIONS, "ONNX files") if engine == "coreml" else (PRECISIONS, "Core ML packages")
    if precision is None or precision in own:
        return
    if precision not in KNOWN_PRECISIONS:
        raise unknown_name("precision", precision, own)
    raise InputError(
        f"cannot run {precision} with the engine {engine}: only {other} come in it, and {engine} takes "
        f"{', '.join(own[:-1])} or {own[-1]}; choose one of these"
        + ("" if engine == "coreml" else ", or on a Mac the engine coreml")
    )


def usual_precision(bundle: Bundle) -> str:
    """Return the precision that a GPU runs when none is asked for: fp16, fp32 where the bundle has no verified fp16."""
    names = {artefact.name for artefact in bundle.manifest.artefacts if artefact.status == "verified"}
    return "fp16" if artefact_name("fp16") in names else "fp32"


def runnable_artefact(bundle: Bundle, precision: str) -> Artefact:
    """Return the ONNX artefact of a *precision* that was accepted where it was made.

    Raises UnknownName if there is no such precision, BundleUnusable if the bundle lacks it, ParityFailed if it failed.
    """
    artefact = bundle.artefact(artefact_name(precision))
    if artefact.status != "verified":
        raise ParityFailed(
            f"cannot run {artefact.path} of {bundle.path}: its status is {artefact.status!r}, expected 'verified'; "
            "use another precision or export the model again"
        )
    return artefact
