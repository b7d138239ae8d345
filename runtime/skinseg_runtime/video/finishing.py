"""What is made of a segmented frame: its row, and the frame with its outline and a line of text."""

from __future__ import annotations

import time
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.measurements import completed
from skinseg_runtime.overlay import draw
from skinseg_runtime.photo_scale import PhotoScale
from skinseg_runtime.quality import assess
from skinseg_runtime.video.frame_rows import FrameRows
from skinseg_runtime.video.frames import Analysed
from skinseg_runtime.video.recording import Recording

__all__ = ["Finishing", "row_of"]

_TEXT_OF_HEIGHT = 1 / 30
_SMALLEST_TEXT = 10  # px
_FONT, _FONT_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 21  # px that a capital has at scale 1


class Finishing:
    """Writes *rows* and *recording*; *is_shown*: whether pictures are wanted for a window, too.

    *origin*: what each row says of the stream and the model.
    """

    def __init__(
        self,
        rows: FrameRows,
        recording: Recording | None,
        *,
        origin: Mapping[str, object],
        scale_of: PhotoScale | None,
        is_shown: bool,
    ) -> None:
        self._rows, self._recording = rows, recording
        self._origin, self._scale_of, self._is_shown = origin, scale_of, is_shown

    def finish(self, analysed: Analysed) -> NDArray[np.uint8] | None:
        """Write what there is to write of a frame; return it drawn, (H, W, 3) uint8 RGB, if it is to be shown.

        Raises OutputRefused if something cannot be written.
        """
        row = row_of(analysed, self._scale_of)
        self._rows.add({**self._origin, **row})
        if self._recording is None and not self._is_shown:
            return None
        frame = analysed.frame
        picture = _captioned(draw(frame.pixels, analysed.segmentation.mask), _caption(row))
        if self._recording is not None:
            self._recording.add(picture, frame.time_s)
        return picture if self._is_shown else None


def row_of(analysed: Analysed, scale_of: PhotoScale | None) -> dict[str, object]:
    """Return what frames.jsonl says of a frame; `age_ms` is the time from its arrival until this row."""
    frame, segmentation = analysed.frame, analysed.segmentation
    scale, problem = (None, {}) if scale_of is None else scale_of.read(frame.pixels, segmentation.photo_hw)
    timings = {"read": frame.read_ms, **segmentation.timings_ms}
    timings.pop("decode", None)  # pixels come decoded
    began = time.perf_counter()
    lesions = completed(segmentation.lesions, segmentation.photo_hw, frame.pixels, scale)
    quality = assess(frame.pixels, segmentation)
    timings["measure"] = (time.perf_counter() - began) * 1000
    return {
        "frame": frame.number,
        "time_s": round(frame.time_s, 4),
        "frame_hw": list(segmentation.photo_hw),
        "dropped": frame.dropped,
        "lesions": [lesion.to_json() for lesion in lesions],
        **problem,
        "quality": quality.to_json(),
        **({} if analysed.smoothing is None else {"smoothing": analysed.smoothing}),
        "timings_ms": {step: round(ms, 2) for step, ms in timings.items()},
        "age_ms": round((time.monotonic() - frame.arrived_s) * 1000, 2),
    }


def _caption(row: Mapping[str, object]) -> str:
    match row:
        case {
            "frame": int(number),
            "lesions": list(lesions),
            "quality": {"verdict": str(verdict)},
            "dropped": int(late),
        }:
            found = "no lesion" if not lesions else f"{len(lesions)} lesion{'s' if len(lesions) > 1 else ''}"
            return f"frame {number}  {found}  photo: {verdict}" + (f"  dropped {late}" if late else "")
    raise AssertionError(f"row_of made no such row: {sorted(row)}")


def _captioned(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Write a line at the foot of *picture*, in place, light on dark so that it shows on any skin."""
    height = max(_SMALLEST_TEXT, round(picture.shape[0] * _TEXT_OF_HEIGHT))
    scale, foot = height / _FONT_HEIGHT, (height // 2, picture.shape[0] - height // 2)
    for colour, thickness in (((12, 24, 32), max(3, height // 4)), ((255, 255, 255), max(1, height // 12))):
        cv2.putText(picture, text, foot, _FONT, scale, colour, thickness, cv2.LINE_AA)
    return picture
