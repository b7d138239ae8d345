"""Where the lesions are: borders that are asymmetric, lobed, notched and frayed, at an exact share of the frame.

A lesion is a field e(x, y): the size at which its border would pass through a pixel. Whatever bends the border only has
to bend e, and the size that covers a given share of the frame is a quantile of e, also where the frame cuts the lesion.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field, clouds, smoothstep, unit_px
from skinseg_edge.datasets.synthetic.scene import Scene

__all__ = ["LesionShape", "place_lesions"]


@dataclass(frozen=True)
class LesionShape:
    """The lesions' place in the frame.

    *mask*: (H, W), bool: True = lesion. *opacity*: (H, W), float32, 0..1: how far a pixel has turned from skin to
    lesion; the mask is opacity >= 0.5. *depth*: (H, W), float32: 0 on the border, 1 at a lesion's centre, negative
    outside. *radius_px*: of the largest lesion, roughly.
    """

    mask: NDArray[np.bool_]
    opacity: Field
    depth: Field
    radius_px: float


def place_lesions(rng: np.random.Generator, hw: tuple[int, int], scene: Scene) -> LesionShape:
    """Place a scene's lesions."""
    if scene.lesions == 0:
        nothing = np.zeros(hw, np.float32)
        return LesionShape(np.zeros(hw, np.bool_), nothing, nothing - 1, 0.0)
    size_field = _size_field(rng, hw, scene)
    radius_px = max(float(np.quantile(size_field[::2, ::2], scene.area_fraction)), 1.0)
    depth = np.asarray(1 - size_field / np.float32(radius_px), np.float32)
    fade = 5.0 * unit_px(hw) / radius_px + 0.5 * scene.border_softness**1.5
    opacity = smoothstep(-fade / 2, fade / 2, depth)
    _drop_crumbs(opacity)
    return LesionShape(opacity >= 0.5, opacity, depth, radius_px)


def _size_field(rng: np.random.Generator, hw: tuple[int, int], scene: Scene) -> Field:
    """Join the lesions' fields; a smaller lesion's field grows faster."""
    rough = scene.border_irregularity
    # Size of the typical lesion, px: what bends and frays it has to scale with it.
    radius_px = math.sqrt(scene.area_fraction * hw[0] * hw[1] / math.pi / scene.lesions)
    x, y = np.meshgrid(np.arange(hw[1], dtype=np.float32), np.arange(hw[0], dtype=np.float32))
    bend = np.float32(radius_px * (0.04 + 0.26 * rough))
    x += bend * clouds(rng, hw, max(1.4 * radius_px, 8))
    y += bend * clouds(rng, hw, max(1.4 * radius_px, 8))
    field = np.full(hw, np.inf, np.float32)
    for centre, weight in _centres(rng, hw, scene):
        field = np.minimum(field, _one_field(rng, x - np.float32(centre[0]), y - np.float32(centre[1]), rough) / weight)
    fray = (0.02 + 0.06 * rough) * clouds(rng, hw, max(0.4 * radius_px, 6), 3)
    fray += (0.008 + 0.03 * rough) * clouds(rng, hw, max(0.09 * radius_px, 3), 2)
    return np.asarray(field * np.exp(-fray), np.float32)


def _centres(
    rng: np.random.Generator, hw: tuple[int, int], scene: Scene
) -> list[tuple[tuple[float, float], np.float32]]:
    """Choose where lesions sit and how large each is against the first; the first is near the middle."""
    middle = np.array([hw[1] / 2, hw[0] / 2])
    # The larger the lesion, the nearer to the middle, as people aim.
    spread = 0.16 * (1 - scene.area_fraction)
    centres = [
        (
            (
                float(middle[0] + rng.normal(0, spread) * hw[1] / 1.6),
                float(middle[1] + rng.normal(0, spread) * hw[0] / 1.6),
            ),
            np.float32(1),
        )
    ]
    apart = 0.30 * min(hw)
    for _ in range(scene.lesions - 1):
        candidates = rng.uniform(0.12, 0.88, (24, 2)) * (hw[1], hw[0])
        nearest = np.min([np.hypot(*(candidates - np.array(c)).T) for c, _ in centres], axis=0)
        fitting = np.flatnonzero(nearest >= apart)
        chosen = candidates[int(fitting[0]) if len(fitting) else int(np.argmax(nearest))]
        centres.append(((float(chosen[0]), float(chosen[1])), np.float32(rng.uniform(0.3, 0.8))))
    return centres


def _one_field(rng: np.random.Generator, x: Field, y: Field, rough: float) -> Field:
    """Make one lesion's field around the origin: an ellipse whose radius wanders with the angle, plus notches."""
    turn, squeeze = rng.uniform(0, math.pi), rng.uniform(0.66, 0.97)
    u = math.cos(turn) * x + math.sin(turn) * y
    v = (-math.sin(turn) * x + math.cos(turn) * y) / np.float32(squeeze)
    angle = np.arctan2(v, u)
    radius = np.ones_like(angle)
    for harmonic in range(2, 8):
        height = rough * rng.normal(0, 0.17) / max(harmonic - 1, 1.8) ** 0.8
        radius += np.float32(height) * np.cos(harmonic * angle + np.float32(rng.uniform(0, 2 * math.pi)))
    for _ in range(int(rng.integers(0, 4)) if rough > 0.35 else 0):
        away = np.cos(angle - np.float32(rng.uniform(-math.pi, math.pi)))
        radius -= np.float32(rough * rng.uniform(0.1, 0.35)) * np.exp((away - 1) * np.float32(rng.uniform(15, 60)))
    # Spiky margins: fine teeth along the angle only, as streaks and pseudopods are radial.
    teeth = int(rng.integers(30, 70))
    radius += np.float32(0.035 * rough * rng.random()) * np.cos(teeth * angle + 3 * np.sin(3 * angle))
    return np.asarray(np.hypot(u, v) / np.clip(radius, 0.3, None), np.float32)


def _drop_crumbs(opacity: Field) -> None:
    """Fade specks that fraying tore off the border; in place. What stays lesion is at least 4 % of the largest part."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats((opacity >= 0.5).astype(np.uint8), connectivity=8)
    labels = np.asarray(parts, np.intp)
    if count <= 2:
        return
    areas = stats[1:, cv2.CC_STAT_AREA]
    small = np.concatenate([[False], areas < 0.04 * areas.max()])
    if small.any():
        near = cv2.dilate(small[labels].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        opacity[near & ((labels == 0) | small[labels])] *= np.float32(0.35)
