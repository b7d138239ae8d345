"""What is told about a picture: the document "skinseg.demo.result/1", as it is stored, answered and sent.

{
  "schema": "skinseg.demo.result/1",
  "photo_hw": [rows, columns],                   upright, px
  "outlines": [[[x, y], ...], ...],              0..1 of the photo, the largest lesion first
  "band": {"margin", "inner", "outer"},          outlines by a stricter and by a laxer threshold
  "lesions": [{...}],                            figures, one for each outline: `Lesion.to_json` less its polygon
  "scale": {...} or null, "scale_why": null or a sentence,
  "quality": {"verdict", "findings", "figures"},
  "model": {"name", "version", "bundle_sha256", "engine", "precision", "fallback"},
  "look": {"asked", "used", "boxes", "reason"},
  "ms": {"receive", "decode", "queue", "engine", "post", "whole"},
  "wording": "A measuring aid, not a diagnosis. ..."
}
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from skinseg_demo.engine_worker import Model
from skinseg_demo.pictures.polygons import mask_outlines, on_screen
from skinseg_runtime.measurements import Lesion, Scale
from skinseg_runtime.quality import Quality
from skinseg_runtime.segmentation import Segmentation
from skinseg_runtime.uncertainty import outline_band

__all__ = ["SCHEMA", "WORDING", "Findings", "result_document"]

SCHEMA = "skinseg.demo.result/1"
WORDING = "A measuring aid, not a diagnosis. Refer a changing, bleeding or worrying lesion whatever this screen shows."

_MARGIN = 0.2  # of probability; docs/quality.md has what a band of it is worth
_BAND_SIDE = 1280  # px; the band's outlines are as exact as that
_OF_WIDEST = 0.5  # where a threshold leaves no room for that much


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found on one photo; *scale_why*: why there is no scale, or what is wrong with it."""

    segmentation: Segmentation
    lesions: Sequence[Lesion]
    quality: Quality
    scale: Scale | None
    scale_why: str | None


def result_document(found: Findings, model: Model, ms: Mapping[str, float]) -> dict[str, object]:
    """Write the document; *ms*: milliseconds of each step."""
    hw = found.segmentation.photo_hw
    return {
        "schema": SCHEMA,
        "photo_hw": list(hw),
        "outlines": on_screen([lesion.polygon for lesion in found.lesions], hw),
        "band": _band(found.segmentation),
        "lesions": [_without_polygon(lesion) for lesion in found.lesions],
        "scale": None if found.scale is None else found.scale.to_json(),
        "scale_why": found.scale_why,
        "quality": found.quality.to_json(),
        "model": model.to_json(),
        "look": found.segmentation.look.to_json(),
        "ms": {step: round(value, 1) for step, value in ms.items()},
        "wording": WORDING,
    }


def _without_polygon(lesion: Lesion) -> dict[str, object]:
    plain = lesion.to_json()
    del plain["polygon"]  # thousands of points, which "outlines" has in 0..1
    return plain


def _at_screen_size(segmentation: Segmentation) -> Segmentation:
    """Return the segmentation as of a smaller photo: a band at full size takes longer than the network."""
    placement = segmentation.placement
    factor = math.ceil(max(placement.photo_hw) / _BAND_SIDE)
    top, left, bottom, right = (round(edge / factor) for edge in placement.photo_box)
    hw = (max(bottom, round(placement.photo_hw[0] / factor)), max(right, round(placement.photo_hw[1] / factor)))
    box = (top, left, max(bottom, top + 1), max(right, left + 1))
    return replace(segmentation, placement=replace(placement, photo_hw=hw, photo_box=box))


def _band(segmentation: Segmentation) -> dict[str, object]:
    contract = segmentation.contract
    middle = contract.threshold if contract.is_binary else 0.5
    margin = min(_MARGIN, _OF_WIDEST * min(middle, 1 - middle))
    small = _at_screen_size(segmentation)
    inner, outer = outline_band(small, margin)
    hw = small.photo_hw
    return {
        "margin": margin,
        "inner": on_screen(mask_outlines(inner), hw),
        "outer": on_screen(mask_outlines(outer), hw),
    }
