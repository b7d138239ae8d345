"""Drawn melasma: irregular brown patches on cheeks, forehead, upper lip, nose, chin or jaw, alike on both sides.

The three patterns are those of clinical descriptions: centrofacial, malar, mandibular. Patches are level sets of a
score, made of where melasma likes to be and of noise that is mostly mirror-symmetric. Colours come from absorbances.
"""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.noise import Field, blurred, clouds, smoothstep
from skinseg_edge.datasets.synthetic.skin import absorb

__all__ = ["Melasma", "MelasmaPattern", "chosen_melasma", "melasma_opacity", "pigment_melasma"]

MelasmaPattern = Literal["centrofacial", "malar", "mandibular"]

_PATTERNS: Final[tuple[MelasmaPattern, ...]] = ("centrofacial", "malar", "mandibular")
# On the right half, mirrored: x, y, radius across, radius down, in plan units.
_SITES: Final = {
    "cheek": (0.40, 0.17, 0.20, 0.15),
    "cheekbone": (0.52, 0.02, 0.11, 0.09),
    "forehead": (0.22, -0.48, 0.24, 0.11),
    "temple": (0.52, -0.22, 0.07, 0.10),
    "upper lip": (0.13, 0.495, 0.12, 0.035),
    "nose": (0.06, 0.16, 0.09, 0.12),
    "chin": (0.07, 0.85, 0.14, 0.07),
    "jaw": (0.49, 0.56, 0.09, 0.17),
}
_OF_PATTERN: Final = {
    "centrofacial": ("cheek", "forehead", "upper lip", "nose", "chin"),
    "malar": ("cheek", "cheekbone", "nose", "temple"),
    "mandibular": ("jaw", "chin", "cheekbone"),
}
_ABSORBANCE: Final = np.array([0.36, 0.56, 0.70], np.float32)
# Noise is made on a sheet over the plan, so that a face has the same patches at every picture size.
_SHEET_PX, _SHEET_HALF = 110, 1.12


@dataclass(frozen=True)
class Melasma:
    """What is chosen by chance. *sites*: names out of the pattern's. *share*: of the region skin, 0..1.

    *contrast*: 0.45 (pale) to 1.1. *softness*: width of the border in score units.
    """

    pattern: MelasmaPattern
    sites: tuple[str, ...]
    share: float
    contrast: float
    softness: float


def chosen_melasma(rng: np.random.Generator, fitzpatrick: int) -> Melasma:
    """Choose a pattern with two sites or more; on dark skin the pigment is as strong as it takes to be seen."""
    pattern = _PATTERNS[int(rng.choice(3, p=[0.5, 0.35, 0.15]))]
    sites = _OF_PATTERN[pattern]
    kept = [site for number, site in enumerate(sites) if number == 0 or rng.random() < 0.7]
    if len(kept) < 2:
        kept.append(sites[1])
    share = float(np.exp(rng.uniform(np.log(0.05), np.log(0.24))))
    contrast = float(rng.uniform(0.45, 0.9)) + 0.05 * (fitzpatrick - 1)
    return Melasma(pattern, tuple(kept), share, contrast, float(rng.uniform(0.14, 0.42)))


def melasma_opacity(rng: np.random.Generator, frame: FaceFrame, skin: NDArray[np.bool_], chosen: Melasma) -> Field:
    """Place the patches; returns (H, W), 0..1: how far skin has turned. The patches are where it is 0.5 or more.

    *skin*: (H, W), bool: where patches may lie; they cover *chosen.share* of it.
    """
    score = _score(rng, frame, chosen)
    if not skin.any():
        return np.zeros(frame.hw, np.float32)
    border = float(np.quantile(score[skin], 1 - chosen.share))
    opacity = smoothstep(border - chosen.softness / 2, border + chosen.softness / 2, score)
    _fade_crumbs(opacity, skin, least_px=frame.px(0.045) ** 2)
    return opacity


def pigment_melasma(
    rng: np.random.Generator, frame: FaceFrame, picture: Field, opacity: Field, chosen: Melasma
) -> Field:
    """Darken the skin where patches are: uneven, in places like a net."""
    mottled = (
        1 + 0.20 * clouds(rng, frame.hw, frame.px(0.11), 3) + 0.10 * clouds(rng, frame.hw, max(frame.px(0.025), 1.5))
    )
    amount = opacity * np.clip(mottled, 0.55, 1.6) * np.float32(chosen.contrast)
    return absorb(picture, np.asarray(amount, np.float32), _ABSORBANCE)


def _score(rng: np.random.Generator, frame: FaceFrame, chosen: Melasma) -> Field:
    """How ready each pixel is to turn: likely places, plus noise."""
    x, y = frame.plan
    likely = np.zeros(frame.hw, np.float32)
    for site, weights in zip(chosen.sites, rng.uniform(0.75, 1.1, (len(chosen.sites), 2)), strict=True):
        across, down, wide, high = _SITES[site]
        away = np.square((np.abs(x) - across) / wide) + np.square((y - down) / high)
        # The two sides differ a little, as they do in people.
        weight = np.where(x > 0, np.float32(weights.mean()), np.float32(0.6 * weights.mean() + 0.4 * weights[0]))
        likely = np.maximum(likely, weight * np.exp(-away / 1.6))
    sheet = _noise_sheet(rng)
    at_x, at_y = ((_SHEET_HALF + part) * np.float32(_SHEET_PX) for part in (x, y))
    noise = cv2.remap(sheet, np.asarray(at_x, np.float32), np.asarray(at_y, np.float32), cv2.INTER_LINEAR)
    return np.asarray(likely + 0.17 * np.asarray(noise, np.float32), np.float32)


def _noise_sheet(rng: np.random.Generator) -> Field:
    side = round(2 * _SHEET_HALF * _SHEET_PX) + 1
    even, odd = (blurred(clouds(rng, (side, side), 0.26 * _SHEET_PX, 5), 1.2) for _ in range(2))
    return np.asarray((even + even[:, ::-1]) * np.float32(0.6) + np.float32(0.6) * odd, np.float32)


def _fade_crumbs(opacity: Field, skin: NDArray[np.bool_], least_px: float) -> None:
    """Fade specks of fewer than *least_px* pixels, in place: nobody would outline them."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        ((opacity >= 0.5) & skin).astype(np.uint8), connectivity=8
    )
    small = np.concatenate([[False], np.asarray(stats[1:count, cv2.CC_STAT_AREA]) < max(least_px, 2)])
    if small.any():
        labels = np.asarray(parts, np.intp)
        near = cv2.dilate(small[labels].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        opacity[near & ((labels == 0) | small[labels])] *= np.float32(0.35)
