"""Hair over the skin: curved, tapered strands with a lighter back and a soft shadow, mostly one way."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field, blurred, unit_px
from skinseg_edge.datasets.synthetic.scene import HairShade, Scene
from skinseg_edge.datasets.synthetic.strokes import blend, canvas, coverage, curve, draw_stroke, shaded

__all__ = ["lay_hair"]

_COLOURS: Final[dict[HairShade, tuple[float, float, float]]] = {
    "dark": (0.13, 0.09, 0.08),
    "brown": (0.34, 0.21, 0.13),
    "light": (0.86, 0.78, 0.64),
}


def lay_hair(rng: np.random.Generator, picture: Field, scene: Scene) -> Field:
    """Lay a scene's hair over the picture; the mask is not touched, a lesion goes on below hair."""
    if scene.hairs == 0:
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    strands, backs = canvas(hw), canvas(hw)
    way, thickness = rng.uniform(0, 2 * math.pi), rng.uniform(1.3, 2.6) * unit
    for _ in range(scene.hairs):
        _draw_strand(rng, (strands, backs), hw, way, thickness)
    cover = coverage(strands, hw)
    shade = np.array(_COLOURS[scene.hair_shade], np.float32)
    back = np.float32(0.45) * coverage(backs, hw)[..., None]
    colour = np.asarray(shade + (np.float32(0.55) + 0.4 * shade - shade) * back, np.float32)
    picture = shaded(picture, _shadow(rng, cover, unit), 0.3)
    return blend(picture, cover * np.float32(rng.uniform(0.82, 0.95)), colour)


def _draw_strand(
    rng: np.random.Generator,
    surfaces: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    hw: tuple[int, int],
    way: float,
    thickness: float,
) -> None:
    """Draw one strand and its lit back. One in six is a short stub, one in five goes its own way."""
    side = min(hw)
    stub = rng.random() < 0.16
    length = side * (rng.uniform(0.03, 0.1) if stub else rng.uniform(0.25, 1.1))
    angle = rng.uniform(0, 2 * math.pi) if rng.random() < 0.2 else way + rng.normal(0, 0.3)
    start = (rng.uniform(-0.1, 1.1) * hw[1], rng.uniform(-0.1, 1.1) * hw[0])
    path = curve(start, angle, length, (rng.normal(0, 0.1 if stub else 0.7), rng.normal(0, 0.12)))
    t = np.linspace(0, 1, len(path))
    widths = thickness * rng.uniform(0.55, 1.25) * (1 - 0.85 * t**2.2)
    draw_stroke(surfaces[0], path, widths)
    if rng.random() < 0.7:
        draw_stroke(surfaces[1], path - 0.15 * thickness, widths * 0.3, int(rng.integers(60, 255)))


def _shadow(rng: np.random.Generator, cover: Field, unit: float) -> Field:
    """Blur and shift the hair's coverage to where its shadow falls."""
    angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(1.5, 4) * unit
    shift = np.array([[1, 0, distance * math.cos(angle)], [0, 1, distance * math.sin(angle)]])
    moved = cv2.warpAffine(cover, shift, (cover.shape[1], cover.shape[0]), flags=cv2.INTER_LINEAR)
    return blurred(np.asarray(moved, np.float32), 2.0 * unit)
