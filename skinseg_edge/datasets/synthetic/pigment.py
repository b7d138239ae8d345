"""What a lesion looks like inside: colours in patches, darker or paler middles, network, globules, a bluish veil."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import (
    Field,
    blurred,
    clouds,
    honeycomb,
    jittered_grid,
    share,
    smoothstep,
    unit_px,
)
from skinseg_edge.datasets.synthetic.scene import Pigment, Scene
from skinseg_edge.datasets.synthetic.shape import LesionShape
from skinseg_edge.datasets.synthetic.skin import absorb

__all__ = ["pigment_lesions"]

# Absorbance by channel (R, G, B) over skin, as read off dermoscopic photos of each colour.
_ABSORBANCE: Final[dict[Pigment, tuple[float, float, float]]] = {
    "light-brown": (0.24, 0.44, 0.70),
    "brown": (0.45, 0.78, 1.10),
    "dark-brown": (0.90, 1.35, 1.60),
    "black": (1.75, 1.95, 1.95),
    "red": (0.18, 0.62, 0.60),
    "blue-grey": (0.98, 0.86, 0.66),
}
_ERYTHEMA: Final = np.array([0.03, 0.30, 0.22], np.float32)
# The halo's e-folding depth, and the depth from which on it is under a thousandth.
_HALO_DEPTH: Final = 0.28
_REACH: Final = -0.75
# Light that the surface returns whatever lies below; keeps black lesions from turning into holes.
_SURFACE: Final = np.array([0.035, 0.025, 0.03], np.float32)


def pigment_lesions(rng: np.random.Generator, skin: Field, shape: LesionShape, scene: Scene) -> Field:
    """Paint the lesions over skin; returns (H, W, 3) float32, 0..1.

    The lesion is laid over the skin with the shape's opacity, so the border's half contrast is where the mask ends.
    """
    if scene.lesions == 0:
        return skin
    unit = unit_px((skin.shape[0], skin.shape[1]))
    # Only the frame's part near the lesions is worked on; further out the halo has faded as well.
    left, top, width, height = cv2.boundingRect((shape.depth > _REACH).astype(np.uint8))
    box = (slice(top, top + height), slice(left, left + width))
    near = LesionShape(shape.mask[box], shape.opacity[box], shape.depth[box], shape.radius_px)
    result = skin.copy()
    result[box] = _pigmented(rng, skin[box], near, scene, unit)
    return result


def _pigmented(rng: np.random.Generator, skin: Field, shape: LesionShape, scene: Scene, unit: float) -> Field:
    hw = (skin.shape[0], skin.shape[1])
    colour = _patches(rng, hw, shape, scene)
    amount = _amount(rng, hw, shape, unit) * _structure(rng, hw, unit, scene)
    inside = skin * np.exp(-colour * (amount * np.float32(scene.contrast))[..., None])
    inside = np.asarray(_SURFACE + inside * (1 - _SURFACE), np.float32)
    if "blue-grey" in scene.pigments:
        inside = _veiled(rng, inside, shape)
    around = absorb(skin, _halo(rng, shape), _ERYTHEMA)
    return np.asarray(around + (inside - around) * shape.opacity[..., None], np.float32)


def _patches(rng: np.random.Generator, hw: tuple[int, int], shape: LesionShape, scene: Scene) -> NDArray[np.float32]:
    """Mix the pigments: each rules where its own cloud is highest. Returns absorbances (H, W, 3)."""
    wavelength = max(0.7 * shape.radius_px, 8)
    total = np.zeros(hw, np.float32)
    mixed = np.zeros((*hw, 3), np.float32)
    for index, pigment in enumerate(scene.pigments):
        # The ground has an advantage, and accents keep off the very border, where the ground fades into skin.
        bias = 0.9 if index == 0 else 1.6 * np.clip(shape.depth, -0.2, 0.5) - 0.2
        weight = np.exp(2.0 * (clouds(rng, hw, wavelength, 4) + bias))
        total += weight
        mixed += weight[..., None] * np.array(_ABSORBANCE[pigment], np.float32)
    return np.asarray(mixed / total[..., None], np.float32)


def _amount(rng: np.random.Generator, hw: tuple[int, int], shape: LesionShape, unit: float) -> Field:
    """How much pigment: a profile from border to middle, clouds, and grain. About 1 on average, at least 0.35."""
    inward = np.clip(shape.depth, 0, 1)
    border, middle = ((0.6, 1.3), (1.15, 0.7), (0.9, 1.05), (0.75, 1.15))[int(rng.integers(4))]
    profile = border + (middle - border) * smoothstep(0.0, 0.75, inward)
    mottled = 0.2 * clouds(rng, hw, max(0.35 * shape.radius_px, 6), 4)
    grain = 0.10 * clouds(rng, hw, 5 * unit, 2)
    return np.asarray(np.clip(profile * (1 + mottled + grain), 0.35, 2), np.float32)


def _structure(rng: np.random.Generator, hw: tuple[int, int], unit: float, scene: Scene) -> Field:
    """Modulate the amount by network and globules, each in its own regions."""
    result = np.ones(hw, np.float32)
    if scene.pattern in ("network", "mixed"):
        period = rng.uniform(5.5, 8.5) * unit
        cords = blurred(honeycomb(rng, hw, period), 0.8 * unit) - np.float32(0.4)
        where = smoothstep(-0.6, 1.2, clouds(rng, hw, 70 * unit, 2))
        result += np.float32(rng.uniform(0.5, 0.9)) * cords * where
    if scene.pattern in ("globules", "mixed"):
        where = smoothstep(-0.2, 0.9, clouds(rng, hw, 80 * unit))
        result += np.float32(rng.uniform(0.5, 0.9)) * _globules(rng, hw, unit) * where
    return result


def _globules(rng: np.random.Generator, hw: tuple[int, int], unit: float) -> Field:
    """Draw round dots of different sizes; 1 inside a dot."""
    canvas = np.zeros(hw, np.uint8)
    for x, y in jittered_grid(rng, hw, rng.uniform(10, 16) * unit, jitter=0.55):
        radius = unit * rng.uniform(0.9, 3.4)
        cv2.circle(canvas, (round(float(x) * 16), round(float(y) * 16)), round(radius * 16), 255, -1, cv2.LINE_AA, 4)
    return blurred(share(canvas), 0.9 * unit)


def _veiled(rng: np.random.Generator, inside: Field, shape: LesionShape) -> Field:
    """Lay a hazy, structureless blue-white veil over part of the middle."""
    hw = (inside.shape[0], inside.shape[1])
    cloud = clouds(rng, hw, max(0.8 * shape.radius_px, 8), 2)
    cover = 0.5 * smoothstep(0.2, 1.4, np.asarray(cloud + 1.2 * np.clip(shape.depth, 0, 1), np.float32))
    veil = np.array([0.56, 0.57, 0.64], np.float32) * np.float32(0.15 + 0.85 * float(inside.max()))
    return np.asarray(inside + (veil - inside) * cover[..., None], np.float32)


def _halo(rng: np.random.Generator, shape: LesionShape) -> Field:
    """Redden the skin around, fading within half a radius."""
    strength = np.float32(max(0.0, rng.uniform(-0.3, 0.5)))
    return np.asarray(strength * np.exp(-np.square(np.minimum(shape.depth, 0) / np.float32(_HALO_DEPTH))), np.float32)
