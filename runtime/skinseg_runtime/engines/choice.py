"""The choice of an engine by name; the libraries behind one are imported when it is opened."""

from __future__ import annotations

import importlib.util
import logging
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from skinseg_edge.errors import SkinsegError
from skinseg_edge.known_names import unknown_name
from skinseg_edge.manifest_parts import ENGINES_FOLDER
from skinseg_runtime.engines.onnxruntime_providers import PROVIDERS, provider_named
from skinseg_runtime.engines.precisions import check_precision, runnable_artefact, usual_precision
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX, product_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from skinseg_edge.bundle import Bundle
    from skinseg_runtime.engine_build import BuildStep
    from skinseg_runtime.engines.products import Product
    from skinseg_runtime.engines.protocol import Engine
    from skinseg_runtime.gpu_queue import Queueing

    OnBuildStep: TypeAlias = Callable[[BuildStep], None]

__all__ = [
    "ENGINES",
    "Chosen",
    "choose_engine",
    "open_engine",
]

ENGINES = ("auto", "onnxruntime", "trt", "trt-rtx", "coreml", *(provider.engine for provider in PROVIDERS))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An engine that is open.

    *precision*: one of KNOWN_PRECISIONS, what it really runs. *fallback*: why another one than the best for this device
    serves, in a sentence; None if that is not so.
    """

    engine: Engine
    precision: str
    fallback: str | None = None


def open_engine(
    bundle: Bundle, name: str = "auto", *, precision: str | None = None, threads: int | None = None
) -> Engine:
    """Load the network of *bundle*; what is chosen in place of a better engine is logged as a warning.

    Arguments and errors as in `choose_engine`.
    """
    chosen = choose_engine(bundle, name, precision=precision, threads=threads)
    if chosen.fallback is not None:
        _log.warning("%s", chosen.fallback)
    return chosen.engine


def choose_engine(
    bundle: Bundle,
    name: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
    *,
    allow_build: bool = False,
    queueing: Queueing | None = None,
    on_build_step: OnBuildStep | None = None,
) -> Chosen:
    """Load the network of *bundle* in the best engine that may be used here.

    *name*: one of ENGINES. "auto" is TensorRT where this machine has an NVIDIA GPU and the library, else ONNX Runtime;
    where the bundle's engine may not be used, "auto" takes the one before it or ONNX Runtime, and `Chosen.fallback`
    says why. "trt" and "trt-rtx" take the engine before, too, and never ONNX Runtime. "onnxruntime-cuda" and
    the like, never taken by "auto", are ONNX Runtime's other providers; their golden cases run at every opening.
    *precision*: one of PRECISIONS,
    for "coreml" one that its packages come in; None is the engine's own: fp32 for ONNX Runtime, for a GPU see
    `usual_precision`. *threads*: for one image, on a processor; None takes the cores that this process may use.
    *allow_build*: build an engine that is missing or may not be used, which takes minutes; *on_build_step* hears of its
    steps. *queueing*: how callers wait for a GPU; None takes `Queueing()`.

    Raises UnknownName if name or precision is unknown, InputError if the engine has no such precision, ToolMissing if
    the engine cannot run here, EngineUnusable if the bundle has no engine that this device proved, BundleUnusable if
    the bundle lacks the artefact, ParityFailed if the artefact failed its acceptance, IntegrityFailed if its bytes
    differ from the manifest, ContractInvalid if the graph does not fit the contract, DeviceUnready if the GPU does not
    answer, and with *allow_build* what `build_and_prove` raises.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    check_precision(name, precision)  # a form that it has nowhere is wrong use on every machine
    if name == "coreml":
        from skinseg_runtime.engines.coreml import open_coreml

        on_apple, made = open_coreml(bundle, precision)
        return Chosen(engine=on_apple, precision=made)
    if name == "onnxruntime":
        return _on_the_processor(bundle, precision, threads)
    if name in {provider.engine for provider in PROVIDERS}:
        return _on_a_provider(bundle, precision, threads, name)
    on_the_gpu = partial(
        _on_the_gpu, bundle, precision, allow_build=allow_build, queueing=queueing, on_build_step=on_build_step
    )
    if name != "auto":
        return on_the_gpu(product_named(name))
    reason = news = None
    for product in _products_here(bundle, allow_build=allow_build):
        try:
            chosen = on_the_gpu(product)
        except SkinsegError as error:  # whatever the GPU lacks, the processor can do its work
            reason = reason or str(error)
            news = news or (str(error) if _has_engines(bundle, product) else None)
        else:
            # Who built engines of this product alone misses nothing of the one before it.
            return replace(chosen, fallback=f"{news}; until then {product.title} does its work") if news else chosen
    chosen = _on_the_processor(bundle, precision, threads)
    if reason is None:
        return chosen
    return replace(chosen, fallback=f"{reason}; until then ONNX Runtime does its work on the processor")


def _products_here(bundle: Bundle, *, allow_build: bool) -> list[Product]:
    """Return what "auto" tries, without touching CUDA."""
    from skinseg_runtime.cuda_memory import has_nvidia_gpu

    if not has_nvidia_gpu():
        return []
    found = [TENSORRT] if _is_importable(TENSORRT.module) else []
    # pip brings TensorRT-RTX to every x86-64 machine, also to those with a GPU it does not run on, so its mere presence
    # asks for nothing.
    wants_rtx = (allow_build and not found) or _has_engines(bundle, TENSORRT_RTX)
    if wants_rtx and _is_importable(TENSORRT_RTX.module):
        found.append(TENSORRT_RTX)
    return found


def _has_engines(bundle: Bundle, product: Product) -> bool:
    return any((bundle.path / ENGINES_FOLDER).glob(f"*-{product.engine}[0-9]*"))


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a finder that refuses, or a module without a specification
        return sys.modules.get(module) is not None


def _on_the_gpu(
    bundle: Bundle,
    precision: str | None,
    product: Product,
    *,
    allow_build: bool,
    queueing: Queueing | None,
    on_build_step: OnBuildStep | None,
) -> Chosen:
    # Imported here: what reads engines brings numpy, and `--help` shows names from this file.
    from skinseg_runtime.engines.device_choice import engine_of_device

    precision = precision or usual_precision(bundle)
    runnable_artefact(bundle, precision)
    return engine_of_device(
        bundle, product, precision, allow_build=allow_build, queueing=queueing, on_build_step=on_build_step
    )


def _on_the_processor(bundle: Bundle, precision: str | None, threads: int | None) -> Chosen:
    from skinseg_runtime.engines.onnxruntime import OnnxRuntimeEngine

    precision = precision or "fp32"
    artefact = runnable_artefact(bundle, precision)
    engine = OnnxRuntimeEngine(bundle.read(artefact.path), bundle.contract, source=artefact.path, threads=threads)
    return Chosen(engine=engine, precision=precision)


def _on_a_provider(bundle: Bundle, precision: str | None, threads: int | None, name: str) -> Chosen:
    from skinseg_runtime.engines.proved_provider import open_proved

    precision = precision or "fp32"
    artefact = runnable_artefact(bundle, precision)
    engine = open_proved(bundle, artefact, provider_named(name), precision, threads)
    return Chosen(engine=engine, precision=precision)
