"""Healthy skin: its colour by Fitzpatrick type, and its mottling, furrows, follicles and freckles.

Colour follows the individual typology angle, ITA = atan((L* - 50) / b*) in degrees, whose classes stand for skin types
(Chardon, Cretois and Hourseau 1991; Del Bino and Bernerd 2013). Everything that darkens skin is an absorbance per
colour channel, A in exp(-A), so that pigments mix as pigments and not as paints.
"""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import (
    Field,
    blurred,
    clouds,
    jittered_grid,
    ridges,
    smoothstep,
    streaks,
    unit_px,
)
from skinseg_edge.datasets.synthetic.scene import Scene

__all__ = ["BLOOD", "MELANIN", "absorb", "ita_degrees", "paint_skin", "skin_lab", "skin_rgb"]

# Per type: ITA range in degrees inside its class, b* range, a* range (CIELAB, D65).
_TYPES: Final[dict[int, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]]] = {
    1: ((56, 66), (10, 13), (8, 13)),
    2: ((42, 54), (12, 16), (9, 14)),
    3: ((29, 40), (15, 18), (10, 15)),
    4: ((12, 27), (17, 21), (11, 15)),
    5: ((-25, 5), (17, 21), (11, 14)),
    6: ((-55, -32), (11, 15), (9, 12)),
}
# Absorbance by channel (R, G, B) of a unit of each.
MELANIN: Final = np.array([0.40, 0.68, 1.0], np.float32)
BLOOD: Final = np.array([0.10, 0.85, 0.65], np.float32)


def skin_lab(rng: np.random.Generator, fitzpatrick: int) -> tuple[float, float, float]:
    """Choose a skin colour of a type. Returns CIELAB (D65): L* 0..100, a*, b*."""
    ita, b, a = (rng.uniform(*bounds) for bounds in _TYPES[fitzpatrick])
    return 50 + b * math.tan(math.radians(ita)), a, b


def ita_degrees(lab: tuple[float, float, float]) -> float:
    """Compute the individual typology angle of a CIELAB colour, in degrees; lighter skin has a larger one."""
    return math.degrees(math.atan2(lab[0] - 50, lab[2]))


def absorb(picture: Field, amount: Field, absorbance: NDArray[np.float32]) -> Field:
    """Darken a picture by a pigment: *amount* (H, W) times *absorbance* (3,), as exp(-A)."""
    passed = amount[..., None] * -absorbance
    np.exp(passed, out=passed)
    passed *= picture
    return passed


def paint_skin(rng: np.random.Generator, hw: tuple[int, int], scene: Scene, lab: tuple[float, float, float]) -> Field:
    """Paint healthy skin of a colour; returns (H, W, 3) float32, 0..1."""
    unit = unit_px(hw)
    # Follicles and furrows show more in a phone's raking light than under a contact plate.
    relief = rng.uniform(0.7, 1.3) * (1.5 if scene.camera == "phone" else 1.0)
    melanin = rng.uniform(0.02, 0.06) * clouds(rng, hw, 150 * unit, 3) + 0.03 * clouds(rng, hw, 6 * unit, 2)
    melanin += 0.06 * relief * _furrows(rng, hw, unit) + 0.10 * relief * _follicles(rng, hw, unit)
    melanin += _freckles(rng, hw, unit) * max(0.0, rng.uniform(-0.15, 0.18))
    blood = rng.uniform(0.01, 0.035) * clouds(rng, hw, 90 * unit, 4)
    blood += _vessels(rng, hw, unit) * max(0.0, rng.uniform(-0.15, 0.14))
    passed = melanin[..., None] * -MELANIN
    passed -= blood[..., None] * BLOOD
    np.exp(passed, out=passed)
    passed *= skin_rgb(lab)
    return np.asarray(passed, np.float32)


def skin_rgb(lab: tuple[float, float, float]) -> NDArray[np.float32]:
    """Convert one CIELAB colour to displayed RGB, 0..1; lighter types are brightened as a dermoscope does."""
    rgb = np.asarray(cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_Lab2RGB), np.float32)[0, 0]
    gain = min(1 + 0.22 * min(max((lab[0] - 40) / 22, 0), 1), 0.95 / float(rgb.max()))
    return np.asarray(rgb * np.float32(gain), np.float32)


def _furrows(rng: np.random.Generator, hw: tuple[int, int], unit: float) -> Field:
    """Draw the fine net of skin lines: zero crossings of streaky noise in two directions, stronger here than there."""
    angle = rng.uniform(0, math.pi)
    cross = angle + rng.uniform(0.8, 1.5)
    first = ridges(streaks(rng, hw, angle, 46 * unit, 9 * unit), 0.28)
    second = ridges(streaks(rng, hw, cross, 38 * unit, 11 * unit), 0.22)
    strength = np.clip(0.75 + 0.35 * clouds(rng, hw, 120 * unit), 0.2, 1.5)
    return np.asarray((first + 0.7 * second - 0.5) * strength, np.float32)


def _follicles(rng: np.random.Generator, hw: tuple[int, int], unit: float) -> Field:
    """Draw follicle openings: a small dark dot in a faint pale halo."""
    dots = np.zeros(hw, np.float32)
    period = rng.uniform(24, 40) * unit
    points = np.rint(jittered_grid(rng, hw, period, jitter=0.6)).astype(np.intp)
    dots[points[:, 1], points[:, 0]] = rng.uniform(0, 1, len(points)) ** 2
    core, halo = 1.1 * unit, 4.0 * unit
    # A Gaussian of a single pixel peaks at 1 / (2 pi sigma^2); both are brought back to 1.
    dark = blurred(dots, core) * np.float32(max(1.0, 2 * math.pi * core**2))
    pale = blurred(dots, halo) * np.float32(max(1.0, 2 * math.pi * halo**2))
    return np.asarray(np.minimum(dark, 1.0) - 0.45 * np.minimum(pale, 1.0), np.float32)


def _freckles(rng: np.random.Generator, hw: tuple[int, int], unit: float) -> Field:
    """Draw faint, small, soft brown spots; they are skin, not lesion."""
    spots = clouds(rng, hw, rng.uniform(25, 55) * unit, 4)
    return smoothstep(1.0, 2.6, spots)


def _vessels(rng: np.random.Generator, hw: tuple[int, int], unit: float) -> Field:
    """Draw thin branching reddish lines that come and go."""
    lines = ridges(clouds(rng, hw, 60 * unit, 3), 0.10)
    return np.asarray(blurred(lines, 0.8 * unit) * np.clip(clouds(rng, hw, 130 * unit), 0, 1.5), np.float32)
