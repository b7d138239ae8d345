"""Whether a photo is good enough for its outline to be believed: figures are taken and held against their limits."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.quality.close_up import close_up
from skinseg_runtime.quality.figures import figures_of_close_up, figures_of_mask
from skinseg_runtime.quality.findings import Finding, Quality
from skinseg_runtime.quality.limits import CHECKS, NO_LESION, SEVERAL, Check
from skinseg_runtime.segmentation import Segmentation

__all__ = ["assess"]


def assess(photo: NDArray[np.uint8], segmentation: Segmentation) -> Quality:
    """Judge a photo together with what was found on it.

    Of several lesions the largest is looked at. A network that outlines scattered patches (several classes, some of
    which count as lesion) is not held against one whole lesion in the middle of a photo. A photo without a finding can
    still have a wrong outline: docs/quality.md says how many bad copies each check lets pass.

    *photo*: (H, W, 3) uint8 RGB, upright: the photo itself, or a reduced decoding of it that has as many pixels as
    `hw_for_close_up` asks for.

    Raises ValueError if photo is not such an array, or its sides are not in the proportion of segmentation.photo_hw.
    """
    _check_photo(photo, segmentation.photo_hw)
    mask, lesions = segmentation.mask, segmentation.lesions
    figures = figures_of_mask(mask, lesions)
    taken = figures_of_close_up(close_up(photo, mask, lesions[0] if lesions else None))
    if not lesions:
        del taken["sharpness"]  # its limit was set on lesions, and skin alone is smooth
    figures.update(taken)
    outlines_patches = bool(segmentation.contract.lesion_classes) and not segmentation.contract.is_binary
    counted = () if outlines_patches else _counted(len(lesions))
    checks = [check for check in CHECKS if not (outlines_patches and check.needs_one_lesion)]
    held = (_held(check, figures) for check in checks)
    return Quality(findings=(*counted, *(finding for finding in held if finding is not None)), figures=figures)


def _check_photo(photo: NDArray[np.uint8], photo_hw: tuple[int, int]) -> None:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or photo.size == 0:
        raise ValueError(f"cannot judge the photo: got {photo.shape} {photo.dtype}, expected (H, W, 3) uint8 RGB")
    rows, columns = photo_hw
    # A reduced decoding rounds each side up, so each may be off by up to a pixel of its own.
    off = abs(photo.shape[0] * columns - photo.shape[1] * rows)
    if off > rows + columns:
        raise ValueError(
            f"cannot judge the photo: it is {photo.shape[0]} x {photo.shape[1]}, and the segmentation is of a photo of "
            f"{rows} x {columns}; give the photo that was segmented"
        )


def _counted(lesions: int) -> tuple[Finding, ...]:
    if lesions == 1:
        return ()
    if lesions == 0:
        sentence = "no lesion was found: put it in the middle of the photo, in focus, and go closer"
        return (Finding(name=NO_LESION, value=0.0, limit=1.0, sentence=sentence, is_blocking=True),)
    sentence = f"{lesions} lesions were found, one is expected: check which one is meant, or photograph each by itself"
    return (Finding(name=SEVERAL, value=float(lesions), limit=1.0, sentence=sentence, is_blocking=False),)


def _held(check: Check, figures: Mapping[str, float]) -> Finding | None:
    """Hold a figure against its limits; None if it was not taken or is good."""
    value = figures.get(check.figure)
    if value is None:
        return None
    is_blocking = value < check.retake if check.is_low_bad else value > check.retake
    if not is_blocking and not (value < check.usable if check.is_low_bad else value > check.usable):
        return None
    limit = check.retake if is_blocking else check.usable
    sentence = check.sentence.format(value=value, limit=limit)
    return Finding(name=check.name, value=value, limit=limit, sentence=sentence, is_blocking=is_blocking)
