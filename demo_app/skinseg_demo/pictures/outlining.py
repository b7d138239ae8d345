"""From the bytes of an upload to what is kept and told of it; and from a live frame to an outline."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card import PrintScale, scale_from_printed_card
from skinseg_demo.config import DemoConfig
from skinseg_demo.engine_worker import Done, EngineWorker
from skinseg_demo.pictures.card_window import card_window, in_whole_photo
from skinseg_demo.pictures.decoding_apart import Decoded, DecodingProcesses
from skinseg_demo.pictures.live_frames import FrameAnswer, checked_frame, frame_answer
from skinseg_demo.pictures.polygons import mask_png
from skinseg_demo.pictures.receiving import Limits, ReceivedPicture
from skinseg_demo.pictures.result_document import Findings, result_document
from skinseg_demo.pictures.stripping import Stripped, strip
from skinseg_edge.errors import InputError
from skinseg_runtime.measurements import Scale, measure
from skinseg_runtime.quality import assess
from skinseg_runtime.segmentation import Segmentation

__all__ = ["Outlined", "Outlining"]

_WORKING_SIDE = 2048  # px; a phone shows less
_FRAME_PIXELS = 1_500_000
_Seen = tuple[NDArray[np.uint8], Segmentation]


@dataclass(frozen=True, eq=False)
class Outlined:
    """What is kept of a picture: *original* stripped, *working_jpeg* for screens, *mask_png* as large as the photo."""

    original: bytes
    extension: str
    hw: tuple[int, int]
    working_jpeg: bytes
    mask_png: bytes
    result: dict[str, object]
    verdict: str

    @property
    def sha256(self) -> str:
        """Of *original*."""
        return hashlib.sha256(self.original).hexdigest()


class Outlining:
    """The way of a picture; any thread may ask.

    *prints*: returns what is known of the size of the printed cards, by their number.
    """

    def __init__(
        self, config: DemoConfig, engine: EngineWorker, *, prints: Callable[[], Mapping[int, PrintScale]] = dict
    ) -> None:
        self.limits = Limits(config.max_upload_bytes, config.max_pixels)
        self._engine = engine
        self._prints = prints
        self._decoding = DecodingProcesses(places=3)  # two pictures at work, and a live frame

    def start(self) -> None:
        """Start the processes that decode."""
        self._decoding.start()

    def stop(self) -> None:
        """End them."""
        self._decoding.stop()

    def check_ready(self) -> None:
        """Raise EngineNotReady, with a sentence that says why, if nothing can be outlined now."""
        self._engine.check_ready()

    def outline(self, received: ReceivedPicture, *, has_card: bool, receive_ms: float = 0.0) -> Outlined:
        """Outline a picture; waits for its turn. *has_card*: whether a printed card is to be looked for.

        Raises QueueFull if too many wait, EngineNotReady, DeadlinePassed, PictureUnreadable or PictureTooLarge.
        """
        begun = time.perf_counter()
        stripped = strip(received)
        with self._engine.line.turn() as queue_ms:
            decoding = time.perf_counter()
            decoded = self._decoding.decode(
                stripped.data,
                max_pixels=self.limits.pixels,
                working_side=_WORKING_SIDE,
                as_png=not stripped.is_kept,
            )
            decode_ms = (time.perf_counter() - decoding) * 1000
            scale, scale_why = self._scale(decoded.pixels) if has_card else (None, None)
            done, findings = self._found(decoded.pixels, scale, scale_why)
            mask = mask_png(findings.segmentation.mask)
            whole_ms = (time.perf_counter() - begun) * 1000
            rest = whole_ms - decode_ms - queue_ms - done.queue_ms - done.engine_ms
            ms = {
                "receive": receive_ms,
                "decode": decode_ms,
                "queue": queue_ms + done.queue_ms,
                "engine": done.engine_ms,
                "post": rest,
                "whole": receive_ms + whole_ms,
            }
            return self._outlined(stripped, decoded, findings, mask, ms)

    def outline_frame(self, jpeg: bytes) -> FrameAnswer | None:
        """Outline a frame of a phone's live picture if nobody waits; else return None: it is dropped.

        Raises PictureUnreadable or PictureTooLarge if it is no small JPEG, EngineNotReady.
        """
        self.check_ready()
        begun = time.perf_counter()
        checked_frame(jpeg, _FRAME_PIXELS)
        if not self._engine.line.is_empty:
            return None
        decoded = self._decoding.decode_if_idle(jpeg, max_pixels=_FRAME_PIXELS)
        if decoded is None:
            return None
        pixels = decoded.pixels
        done = self._engine.run_if_idle(lambda segmenter: segmenter.segment(pixels))
        if done is None:
            return None
        return frame_answer(pixels, done.value, engine_ms=done.engine_ms, begun=begun)

    def _found(
        self, pixels: NDArray[np.uint8], scale: Scale | None, scale_why: str | None
    ) -> tuple[Done[Segmentation], Findings]:
        hw = (pixels.shape[0], pixels.shape[1])
        window = None if scale is None else card_window(scale, hw)
        seen = pixels
        if window is not None:
            top, left, bottom, right = window.box
            seen = np.ascontiguousarray(pixels[top:bottom, left:right])
        done = self._engine.run(lambda segmenter: segmenter.segment(seen, look="closer"))
        segmentation = done.value if window is None else window.without_card(done.value)
        quality = assess(seen, segmentation)
        whole = segmentation if window is None else in_whole_photo(segmentation, window.box, hw)
        lesions = measure(whole.mask, pixels, scale, within=whole.mask_box)
        return done, Findings(whole, lesions, quality, scale, scale_why)

    def _scale(self, pixels: NDArray[np.uint8]) -> tuple[Scale | None, str | None]:
        try:
            scale = scale_from_printed_card(pixels, self._prints())
        except InputError as error:
            return None, str(error)
        if scale.is_steep:
            return scale, (
                f"the card is tilted by {scale.tilt_degrees:.0f} degrees, expected at most 20; sizes in mm are "
                "corrected, yet photograph again from straight above"
            )
        return scale, None

    def _outlined(
        self, stripped: Stripped, decoded: Decoded, findings: Findings, mask: bytes, ms: Mapping[str, float]
    ) -> Outlined:
        model = self._engine.model
        if model is None:
            raise RuntimeError("a picture was outlined, and no model is known")
        return Outlined(
            original=stripped.data if stripped.is_kept else decoded.png,
            extension=stripped.extension,
            hw=findings.segmentation.photo_hw,
            working_jpeg=decoded.working_jpeg,
            mask_png=mask,
            result=result_document(findings, model, ms),
            verdict=findings.quality.verdict,
        )
