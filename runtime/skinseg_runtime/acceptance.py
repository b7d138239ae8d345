"""The acceptance gate: whether the masks of a rounded or quantized network are still right, on pictures kept aside.

Nothing here needs torch: the trained network's masks come with the subjects, so a device can be judged like an export.
Of networks of several classes the gate judges the lesion mask.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.acceptance_limits import PrecisionLimits
from skinseg_edge.errors import InputError
from skinseg_edge.metrics import area_drift, dice, iou, outline_distances
from skinseg_edge.skin_tone import ita_degrees, skin_tone
from skinseg_runtime.acceptance_figures import NSD_TOLERANCE_PX, GroupFigures, PictureFigures
from skinseg_runtime.acceptance_verdict import ACCEPTANCE_SCHEMA, Acceptance
from skinseg_runtime.measurements import measure
from skinseg_runtime.segmenter import Segmenter

__all__ = [
    "ACCEPTANCE_SCHEMA",
    "LESION_SIZES",
    "NSD_TOLERANCE_PX",
    "Acceptance",
    "GroupFigures",
    "PictureFigures",
    "Subject",
    "groups_of",
    "judge",
]

LESION_SIZES = ("small", "medium", "large")
"""Below 5 % of the photo, below 30 %, and the rest."""

_SIZE_CUTS = (0.05, 0.3)


@dataclass(frozen=True, eq=False)
class Subject:
    """One picture to judge by.

    *name*: how reports call it. *image*: the photo's file or bytes. *trained*: the trained network's mask, *expert*: a
    person's, both (H, W) bool at photo size. *groups*: what kind of picture it is; see `groups_of`.
    """

    name: str
    image: Path | bytes
    trained: NDArray[np.bool_]
    expert: NDArray[np.bool_] | None = None
    groups: Mapping[str, str] = field(default_factory=dict)


def judge(
    segmenter: Segmenter,
    subjects: Iterable[Subject],
    *,
    precision: str,
    limits: PrecisionLimits | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Acceptance:
    """Segment every subject with *segmenter* and hold the masks against the limits of *precision*.

    *subjects*: taken one at a time, so a generator never holds all pictures. *precision*: "fp32", "fp16", "int8" or
    "auto". *limits*: None takes those of the segmenter's contract. *advance* is called after each picture.

    Raises UnknownName if the precision is another, InputError if there is no subject or a mask has another size than
    its photo, and what `Segmenter.segment` raises for a file that is no photo.
    """
    allowed = (limits or segmenter.contract.limits).of(precision)
    pictures = []
    for subject in subjects:
        pictures.append(_figures(segmenter, subject))
        advance()
    return Acceptance(precision, allowed, tuple(pictures))


def groups_of(photo: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> dict[str, str]:
    """Return the groups a picture belongs to, such as {"skin tone": "tan", "lesion size": "small"}.

    *photo*: (H, W, 3) uint8 RGB; *lesion*: (H, W) bool. There is no skin tone where no skin is left around the lesion.

    Raises ValueError if the shapes or types are others.
    """
    ita = ita_degrees(photo, lesion)
    tone = {} if ita is None else {"skin tone": skin_tone(ita)}
    share = float(lesion.mean())
    return {**tone, "lesion size": LESION_SIZES[sum(share >= cut for cut in _SIZE_CUTS)]}


def _figures(segmenter: Segmenter, subject: Subject) -> PictureFigures:
    mask = segmenter.segment(subject.image).mask
    for whose, reference in (("trained network's", subject.trained), ("expert's", subject.expert)):
        if reference is not None and reference.shape != mask.shape:
            raise InputError(
                f"cannot judge by {subject.name}: the {whose} mask is {reference.shape}, the upright photo "
                f"{mask.shape} (rows, columns); give a mask of the photo's own size"
            )
    distances = outline_distances(mask, subject.trained)
    return PictureFigures(
        name=subject.name,
        dice=dice(mask, subject.trained),
        iou=iou(mask, subject.trained),
        hd95_px=distances.hd95_px,
        nsd=distances.nsd(NSD_TOLERANCE_PX),
        area_drift=area_drift(mask, subject.trained),
        diameter_drift=_diameter_drift(mask, subject.trained),
        expert_dice=None if subject.expert is None else dice(mask, subject.expert),
        trained_expert_dice=None if subject.expert is None else dice(subject.trained, subject.expert),
        groups=dict(subject.groups),
    )


def _diameter_drift(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    found, real = _largest_diameter_px(mask), _largest_diameter_px(reference)
    if real == 0:
        return 0.0 if found == 0 else float("inf")
    return abs(found - real) / real


def _largest_diameter_px(mask: NDArray[np.bool_]) -> float:
    lesions = measure(mask)
    return lesions[0].max_diameter_px if lesions else 0.0
