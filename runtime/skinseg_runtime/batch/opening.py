"""The network of an archive's work: what the driver finds out once, and how every worker opens the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import IntegrityFailed
from skinseg_runtime.batch.work import Work
from skinseg_runtime.engines.choice import usual_precision
from skinseg_runtime.segmenter import Segmenter

__all__ = ["open_segmenter", "work_here"]


def _to_nobody(_reason: str) -> None: ...


def open_segmenter(work: Work, *, threads: int = 1) -> Segmenter:
    """Open the network of *work* in a worker. *threads*: for one picture, on a processor.

    Raises IntegrityFailed if the bundle here is another than the driver's, and what `Segmenter.open` raises.
    """
    bundle = Bundle.open(work.bundle, trusted_key=work.trusted_key)
    if bundle.sha256 != work.bundle_sha256:
        raise IntegrityFailed(
            f"cannot use {work.bundle}: its manifest has SHA-256 {bundle.sha256[:16]}..., expected that of the start, "
            f"{work.bundle_sha256[:16]}...; put the same bundle at this path on every machine and start again"
        )
    # The driver has told of a fallback already.
    segmenter = Segmenter.open(
        bundle, engine=work.engine, precision=work.precision, threads=threads, on_fallback=_to_nobody
    )
    segmenter.max_pixels = work.max_pixels
    return segmenter


def work_here(
    work: Work, *, opens: bool = True, on_fallback: Callable[[str], None] = _to_nobody
) -> tuple[Work, dict[str, object]]:
    """Return *work* with bundle, engine and precision by their own names, and what the results say about the model.

    "auto" becomes what serves on this machine, so that every worker, and a later start, takes the same. *opens*: try
    it here; False where other machines work, which may have what this one lacks; "auto" is tried all the same.
    *on_fallback*: hears why another engine than the best for this device serves.

    Raises InputError if *work* names two scales, and what `Bundle.open` and `Segmenter.open` raise.
    """
    _ = work.scale_of
    bundle = Bundle.open(work.bundle, trusted_key=work.trusted_key)
    engine, precision = work.engine, work.precision
    if opens or engine == "auto":
        with Segmenter.open(
            bundle, engine=engine, precision=precision, threads=1, on_fallback=on_fallback
        ) as segmenter:
            engine, precision = segmenter.engine.name, segmenter.precision
    precision = precision or _usual(bundle, engine)
    key = None if work.trusted_key is None else Path(work.trusted_key).absolute()
    named = replace(
        work,
        bundle=bundle.path,
        bundle_sha256=bundle.sha256,
        engine=engine,
        precision=precision,
        trusted_key=key,
    )
    return named, {
        "name": bundle.manifest.name,
        "bundle_sha256": bundle.sha256,
        "engine": engine,
        "precision": precision,
    }


def _usual(bundle: Bundle, engine: str) -> str | None:
    """Return what an engine runs when no precision is asked for; None for Core ML, which chooses by package."""
    if engine == "coreml":
        return None
    return "fp32" if engine.startswith("onnxruntime") else usual_precision(bundle)
