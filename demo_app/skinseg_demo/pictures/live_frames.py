"""Small frames of a phone's live picture: an outline to draw and hints for whoever aims. None of them is kept."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_demo.pictures.polygons import on_screen
from skinseg_edge.errors import PictureTooLarge, PictureUnreadable
from skinseg_edge.picture_header import check_whole, read_header
from skinseg_runtime.quality import assess
from skinseg_runtime.quality.close_up import SIDE
from skinseg_runtime.quality.findings import Finding
from skinseg_runtime.segmentation import Segmentation

__all__ = ["FrameAnswer", "checked_frame", "frame_answer"]

_NEEDS_DETAIL = "blurred"  # a finding that says nothing where a frame has fewer pixels than the photo would
_OF_CLOSE_UP = 1.5  # a close-up shows the lesion and a quarter of its side around it


@dataclass(frozen=True)
class FrameAnswer:
    """*outlines*: as in a result. *hints*: findings of the quality gate, the worst first. *ms*: engine and whole."""

    outlines: list[list[list[float]]]
    hints: list[dict[str, object]]
    ms: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return dict(vars(self))


def checked_frame(jpeg: bytes, most_pixels: int) -> bytes:
    """Return a frame that is a whole JPEG of at most *most_pixels*; no pixel is decoded.

    Raises PictureUnreadable or PictureTooLarge if it is not.
    """
    header = read_header(jpeg, "the frame")
    if header.format != "JPEG":
        raise PictureUnreadable(f"cannot outline the frame: it is a {header.format} picture, expected JPEG; send that")
    if header.width * header.height > most_pixels:
        raise PictureTooLarge(
            f"cannot outline the frame: it has {header.width} x {header.height} pixels, the limit is {most_pixels:,}; "
            "send a smaller one"
        )
    check_whole(jpeg, "the frame")
    return jpeg


def frame_answer(
    pixels: NDArray[np.uint8], segmentation: Segmentation, *, engine_ms: float, begun: float
) -> FrameAnswer:
    """Put the answer together; *begun*: of `time.perf_counter` when the frame had come."""
    outlines = on_screen(segmentation.outlines, segmentation.photo_hw)
    hints = _hints(pixels, segmentation)
    whole_ms = (time.perf_counter() - begun) * 1000
    return FrameAnswer(outlines, hints, {"engine": round(engine_ms, 1), "whole": round(whole_ms, 1)})


def _hints(pixels: NDArray[np.uint8], segmentation: Segmentation) -> list[dict[str, object]]:
    findings = assess(pixels, segmentation).findings
    told = [finding for finding in findings if finding.name != _NEEDS_DETAIL or _shows_detail(segmentation)]
    return [_hint(finding) for finding in sorted(told, key=lambda finding: not finding.is_blocking)]


def _shows_detail(segmentation: Segmentation) -> bool:
    x0, y0, x1, y1 = segmentation.lesions[0].box
    return _OF_CLOSE_UP * max(x1 - x0, y1 - y0) >= SIDE


def _hint(finding: Finding) -> dict[str, object]:
    return {"name": finding.name, "sentence": finding.sentence, "is_blocking": finding.is_blocking}
