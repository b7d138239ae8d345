"""The walk from a photo to a `Segmentation`: decode, preprocess, infer; the rest follows when it is asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bundle import Bundle
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import BundleUnusable, ContractInvalid, PictureUnreadable
from skinseg_edge.image_io import MAX_PIXELS, decode, read_picture
from skinseg_edge.preprocessing import to_network_input
from skinseg_runtime.engines import Engine, choose_engine
from skinseg_runtime.gpu_queue import Queueing
from skinseg_runtime.large_pictures import checked_look
from skinseg_runtime.postprocessing import PostProcessing, default_rules
from skinseg_runtime.segmentation import Segmentation

if TYPE_CHECKING:
    from skinseg_runtime.engine_build import BuildStep

__all__ = ["Segmenter"]

_log = logging.getLogger(__name__)


def _log_fallback(reason: str) -> None:
    _log.warning("%s", reason)


def _opened(bundle: str | Path | Bundle, trusted_key: str | Path | bytes | None) -> Bundle:
    if not isinstance(bundle, Bundle):
        return Bundle.open(bundle, trusted_key=trusted_key)
    if trusted_key is not None:
        raise ValueError(f"{bundle.path.name} is open already, too late for a trusted key; give that to Bundle.open")
    return bundle


class Segmenter:
    """A network behind an engine, ready for photos; use it in a `with` block or close it.

    *contract*: what the network expects and gives. *engine*: anything with the shape of `engines.Engine`. *rules*: how
    masks are cleaned; None takes `default_rules`. *max_pixels*: largest photo that is accepted. *precision*: what the
    engine runs, one of `engines.KNOWN_PRECISIONS`; None if nobody told. *fallback*: why another engine than the best
    for this device serves, in a sentence; None if that is not so.

    `segment` may be called from several threads at once, as the engines of this project allow.

    Raises ContractInvalid if the engine's input size or number of classes differs from the contract's.
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        *,
        rules: PostProcessing | None = None,
        max_pixels: int = MAX_PIXELS,
        precision: str | None = None,
        fallback: str | None = None,
    ) -> None:
        found, expected = (engine.input_hw, engine.classes), (contract.input_hw, len(contract.classes))
        if found != expected:
            raise ContractInvalid(
                f"cannot use the engine {engine.name}: its input is {found[0]} with {found[1]} classes, the contract "
                f"says {expected[0]} with {expected[1]}"
            )
        self.contract = contract
        self.engine = engine
        self.rules = rules or default_rules(contract)
        self.max_pixels = max_pixels
        self.precision = precision
        self.fallback = fallback

    @classmethod
    def open(
        cls,
        bundle: str | Path | Bundle,
        *,
        engine: str = "auto",
        precision: str | None = None,
        threads: int | None = None,
        trusted_key: str | Path | bytes | None = None,
        allow_untrained: bool = False,
        allow_build: bool = False,
        deadline_s: float | None = 30.0,
        on_fallback: Callable[[str], None] = _log_fallback,
        on_build_step: Callable[[BuildStep], None] | None = None,
    ) -> Segmenter:
        """Open a bundle, check it and load its network.

        *bundle*: its folder, or one that is open already. *engine*, *precision*, *threads*, *allow_build*,
        *on_build_step*: see `engines.choose_engine`.
        *trusted_key*: the public key (PEM) that must have signed the bundle; None asks for no signature, unless the
        environment's SKINSEG_TRUSTED_KEY names one. *allow_untrained*: accept fresh weights, which segment nothing.
        *deadline_s*: seconds within which a GPU must answer each photo; None waits for ever. *on_fallback*: hears why
        another engine than the best for this device serves; otherwise that is logged as a warning.

        Raises ValueError if a trusted key comes with a bundle that is open already, BundleUnusable if it is no bundle,
        lacks the artefact or is untrained, IntegrityFailed or SignatureInvalid if it is not what was exported, and what
        `choose_engine` raises.
        """
        opened = _opened(bundle, trusted_key)
        if not opened.manifest.provenance.trained and not allow_untrained:
            raise BundleUnusable(
                f"cannot use {opened.path}: its network is untrained, made to try targets with; "
                "export a trained checkpoint"
            )
        chosen = choose_engine(
            opened,
            engine,
            precision,
            threads,
            allow_build=allow_build,
            queueing=Queueing(deadline_s=deadline_s),
            on_build_step=on_build_step,
        )
        with ExitStack() as undo:
            undo.callback(chosen.engine.close)
            if chosen.fallback is not None:
                on_fallback(chosen.fallback)
            segmenter = cls(opened.contract, chosen.engine, precision=chosen.precision, fallback=chosen.fallback)
            undo.pop_all()
        return segmenter

    def segment(self, source: str | Path | bytes | NDArray[np.uint8], *, look: str = "once") -> Segmentation:
        """Segment one photo.

        *source*: a file, the bytes of one, or (H, W, 3) uint8 RGB pixels that are upright already. *look*: one of
        `large_pictures.LOOKS`: "once" as in training, "closer" or "tiles" with a second look where there is reason for
        it; the answer's `look` tells what was done.

        Raises UnknownName if *look* is none of them, FileMissing, PictureUnreadable or PictureTooLarge if the source is
        no photo within the limits, and what the engine raises: on a GPU DeviceBusy if too many wait, DeadlinePassed if
        it does not answer in time, DeviceLost if this process can no longer use it.
        """
        if checked_look(look) == "once":
            return self._look_once(source)[0]
        # Imported here: the first mask should not wait for what most photos never need.
        from skinseg_runtime.large_pictures.photo_parts import PhotoParts
        from skinseg_runtime.large_pictures.second_look import looked_again

        # Read once: both looks must be at the same photo.
        held = read_picture(source, max_pixels=self.max_pixels) if isinstance(source, str | Path) else source
        first, pixels = self._look_once(held)
        parts = PhotoParts(held, pixels, first.photo_hw, max_pixels=self.max_pixels)
        return looked_again(first, parts, self.engine, look)

    def _look_once(self, source: str | Path | bytes | NDArray[np.uint8]) -> tuple[Segmentation, NDArray[np.uint8]]:
        """Look at the whole photo; also return the pixels that were decoded for it."""
        started = time.perf_counter()
        pixels, photo_hw = self._decoded(source)
        decoded = time.perf_counter()
        network_input = to_network_input(pixels, self.contract, photo_hw=photo_hw)
        images = np.ascontiguousarray(network_input.pixels)[None]
        preprocessed = time.perf_counter()
        probability = self.engine.infer(images)[0]  # (1, K, H, W) -> (K, H, W)
        inferred = time.perf_counter()
        steps = {
            "decode": decoded - started,
            "preprocess": preprocessed - decoded,
            "inference": inferred - preprocessed,
        }
        segmentation = Segmentation(
            contract=self.contract,
            network_probability=probability,
            placement=network_input.placement,
            rules=self.rules,
            steps_ms={step: seconds * 1000 for step, seconds in steps.items()},
            engine=self.engine.name,
            fallback=self.fallback,
        )
        return segmentation, pixels

    def close(self) -> None:
        """Give the engine's memory back; a second call does nothing."""
        self.engine.close()

    def __enter__(self) -> Segmenter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self, source: str | Path | bytes | NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        """Return pixels, perhaps at a reduced scale, and rows and columns of the whole photo."""
        if not isinstance(source, np.ndarray):
            picture = decode(source, at_least_hw=self.contract.input_hw, max_pixels=self.max_pixels)
            return picture.pixels, picture.full_hw
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or source.size == 0:
            raise PictureUnreadable(
                f"cannot segment the array: it is {source.shape} {source.dtype}, expected (H, W, 3) uint8 RGB"
            )
        return source, (source.shape[0], source.shape[1])
