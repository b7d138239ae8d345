"""How light the skin around a lesion looks: the individual typology angle (ITA) and the six groups it is cut into.

A stratum to report results by, never a statement about a person: photos are not colour-calibrated, so white balance and
exposure move the angle by tens of degrees. Four ways to take it disagree with each other on ISIC 2018, and it agrees
with experts on Fitzpatrick types less than experts do among themselves.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SKIN_TONES", "ita_degrees", "skin_tone"]

SKIN_TONES = ("very light", "light", "intermediate", "tan", "brown", "dark")
"""From the lightest to the darkest."""

_CUTS = (55.0, 41.0, 28.0, 10.0, -30.0)  # degrees; each is the lowest that is not yet in the lighter group
_LONGEST_SIDE = 256  # px of the reduced photo; the lengths below are in its pixels
_GAP = 8  # a lesion's border is blurred, and experts draw it loosely
_RING = 48
_SMALLEST_SHARE = 0.005  # of the photo: less skin than this is dirt between masks
_CORNER_LIGHTNESS = 20.0  # L*; the dark corners of dermoscopes lie below, the darkest skin in a usable photo above
_CORNER_MARGIN = 9  # the light falls off towards such a corner
_CORNER_WIDTH = 9  # what is thinner is a hair that runs out of the photo
_HAIR_WIDTH = 7
_HAIR_DEPTH = 6.0  # L* that a hair or a ruler's line is darker than the skin beside it
_GLARE = 250  # of 255: a channel that is full has lost its colour
_OUTLIER = 3.0  # robust standard deviations


def ita_degrees(photo: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> float | None:
    """Return the ITA of the skin around a lesion, degrees, -180 to 180; None where no skin is left.

    atan2(L* - 50, b*), the angle of Chardon, Cretois & Hourseau 1991 (Int. J. Cosmet. Sci. 13:191-208), of the median
    L* and b* (CIE 1976, D65, the photo taken for sRGB) in a ring that leaves out the lesion's blurred border, black
    corners, hair, glare and colours far from the rest. Above 90 and below -90 the skin looks blue: a camera made that.

    *photo*: (H, W, 3) uint8 RGB. *lesion*: (H, W) bool; with no lesion the whole photo counts as skin.

    Raises ValueError if lesion.shape != photo.shape[:2] or the types are others.
    """
    _check(photo, lesion)
    scale = min(1.0, _LONGEST_SIDE / max(lesion.shape))
    columns_rows = (max(1, round(lesion.shape[1] * scale)), max(1, round(lesion.shape[0] * scale)))
    pixels = np.asarray(cv2.resize(photo, columns_rows, interpolation=cv2.INTER_AREA), np.uint8)
    share = cv2.resize(lesion.astype(np.float32), columns_rows, interpolation=cv2.INTER_AREA)
    # CIE L* 0 to 100, a* and b* about -100 to 100; (rows, columns, 3) float32
    lab = np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
    skin = lab[_ring(np.asarray(share) > 0) & ~_disturbed(pixels, lab[:, :, 0])]  # (P, 3)
    if len(skin) < _SMALLEST_SHARE * lab.shape[0] * lab.shape[1] or len(skin) == 0:
        return None
    lightness, _, yellow = np.median(_without_outliers(skin), axis=0)
    return math.degrees(math.atan2(float(lightness) - 50, float(yellow)))


def skin_tone(ita: float) -> str:
    """Return the one of SKIN_TONES that an angle in degrees belongs to; the cuts are 55, 41, 28, 10 and -30.

    After Del Bino & Bernerd 2013 (Br. J. Dermatol. 169 suppl. 3:33-40). Raises ValueError for NaN.

    >>> skin_tone(55.1), skin_tone(55.0), skin_tone(-30.0)
    ('very light', 'light', 'dark')
    """
    if math.isnan(ita):
        raise ValueError("cannot name a skin tone: the angle is NaN, expected degrees")
    return SKIN_TONES[sum(ita <= cut for cut in _CUTS)]


def _check(photo: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> None:
    if photo.shape != (*lesion.shape, 3) or photo.dtype != np.uint8 or lesion.dtype != np.bool_ or lesion.size == 0:
        raise ValueError(
            f"cannot look at the skin: got a photo {photo.shape} {photo.dtype} and a mask {lesion.shape} "
            f"{lesion.dtype}, expected (H, W, 3) uint8 and (H, W) bool"
        )


def _ring(lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not lesion.any():
        return ~lesion
    away = np.asarray(cv2.distanceTransform((~lesion).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    return np.asarray((away > _GAP) & (away <= _GAP + _RING), np.bool_)


def _disturbed(pixels: NDArray[np.uint8], lightness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Answer where something else than skin is seen: black corners, dark lines, glare.

    Light lines are left to the median: what looks for them takes the skin between dark hairs for lines as well.
    """
    corners = _grown(_dark_at_border(lightness), _CORNER_MARGIN)
    lines = _grown(cv2.morphologyEx(lightness, cv2.MORPH_BLACKHAT, _disc(_HAIR_WIDTH)) > _HAIR_DEPTH, 1)
    return np.asarray(corners | lines | (pixels.max(axis=2) >= _GLARE), np.bool_)


def _dark_at_border(lightness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Answer where the photo is black in a broad patch that reaches the photo's border."""
    dark = (lightness < _CORNER_LIGHTNESS).astype(np.uint8)
    framed = np.pad(dark, _CORNER_WIDTH, mode="edge")  # so that the photo's border trims nothing
    broad = cv2.morphologyEx(framed, cv2.MORPH_OPEN, _disc(_CORNER_WIDTH))
    inner = slice(_CORNER_WIDTH, -_CORNER_WIDTH)
    _, regions = cv2.connectedComponents(broad[inner, inner].copy(), connectivity=8)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.isin(regions, np.unique(border[border > 0]))


def _grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(np.asarray(mask, np.uint8), _disc(2 * reach + 1)), np.bool_)


def _disc(width: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)


def _without_outliers(skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Leave out colours, (P, 3), that are far from the median in one of the three numbers; at least half stays."""
    off = np.abs(skin - np.median(skin, axis=0))
    spread = 1.4826 * np.median(off, axis=0) + 1.0  # as a normal distribution's standard deviation; 1.0 for even skin
    near = (off <= _OUTLIER * spread).all(axis=1)
    return skin[near] if near.sum() * 2 >= len(skin) else skin
