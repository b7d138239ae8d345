"""The network of an archive's work: what the driver finds out once, and how every worker opens the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skinseg_edge.bundle import Bundle
from skinseg_edge.errors import IntegrityFailed
from skinseg_edge.image_io import MAX_PIXELS
from skinseg_runtime.batch.work import MAX_BYTES, Masks, Work
from skinseg_runtime.engines.precisions import usual_precision
from skinseg_runtime.segmenter import Segmenter

__all__ = ["open_bundle", "open_segmenter", "work_for"]


def _to_nobody(_reason: str) -> None: ...


def work_for(
    bundle: str | Path,
    *,
    engine: str = "auto",
    precision: str | None = None,
    masks: Masks = "png",
    mm_per_px: float | None = None,
    card_mm: float | None = None,
    dicom_scale: bool = False,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    trusted_key: str | Path | None = None,
    engine_batch: int = 1,
    opens: bool = True,
    on_fallback: Callable[[str], None] = _to_nobody,
) -> Work:
    """Make the work for a bundle, with engine and precision by their own names; see `Work` for what is asked.

    "auto" becomes what serves on this machine, so that every worker, and a later start, takes the same. *opens*: try
    the engine here; False where other machines work, which may have what this one lacks ("auto" is tried all the same).
    *on_fallback*: hears why another engine than the best for this device serves.

    Raises InputError if two scales are given, and what `Bundle.open` and `Segmenter.open` raise.
    """
    key = None if trusted_key is None else Path(trusted_key).absolute()
    opened = Bundle.open(bundle, trusted_key=key)
    asked = Work(
        bundle=opened.path,
        bundle_sha256=opened.sha256,
        engine=engine,
        precision=precision,
        masks=masks,
        mm_per_px=mm_per_px,
        card_mm=card_mm,
        dicom_scale=dicom_scale,
        max_bytes=max_bytes,
        max_pixels=max_pixels,
        trusted_key=key,
        engine_batch=engine_batch,
    )
    _ = asked.scale_of  # two scales are refused before anything is opened
    if not opens and engine != "auto":
        return replace(asked, precision=precision or _usual_precision(opened, engine))
    with Segmenter.open(opened, engine=engine, precision=precision, threads=1, on_fallback=on_fallback) as segmenter:
        return replace(asked, engine=segmenter.engine.name, precision=segmenter.precision)


def open_bundle(work: Work) -> Bundle:
    """Open the bundle of *work*, without its network.

    Raises IntegrityFailed if the one that lies there is another than the work was made for, and what `Bundle.open`
    raises.
    """
    bundle = Bundle.open(work.bundle, trusted_key=work.trusted_key)
    if bundle.sha256 != work.bundle_sha256:
        raise IntegrityFailed(
            f"cannot use {work.bundle}: its manifest has SHA-256 {bundle.sha256[:16]}..., expected that of the start, "
            f"{work.bundle_sha256[:16]}...; put the same bundle at this path on every machine and start again"
        )
    return bundle


def open_segmenter(work: Work, *, threads: int = 1) -> Segmenter:
    """Open the network of *work* in a worker. *threads*: for one picture, on a processor.

    Raises what `open_bundle` and `Segmenter.open` raise.
    """
    # Whoever made the work has told of a fallback.
    segmenter = Segmenter.open(
        open_bundle(work), engine=work.engine, precision=work.precision, threads=threads, on_fallback=_to_nobody
    )
    segmenter.max_pixels = work.max_pixels
    return segmenter


def _usual_precision(bundle: Bundle, engine: str) -> str | None:
    """Return what an engine runs when no precision is asked for; None for Core ML, which chooses by package."""
    if engine == "coreml":
        return None
    return "fp32" if engine.startswith("onnxruntime") else usual_precision(bundle)
