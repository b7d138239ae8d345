"""What people bring into a picture: a ruler, a sticker, pen marks, and bubbles in the gel."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field, blurred, clouds, share, smoothstep, unit_px
from skinseg_edge.datasets.synthetic.scene import Scene
from skinseg_edge.datasets.synthetic.shape import LesionShape
from skinseg_edge.datasets.synthetic.strokes import OVERSAMPLING, blend, canvas, coverage, curve, draw_stroke, shaded

__all__ = ["add_bubbles", "add_ink", "add_ruler", "add_sticker"]

_INK = np.array([0.40, 0.24, 0.62], np.float32)
_STICKERS = ((0.95, 0.42, 0.34), (0.48, 0.56, 0.88), (0.55, 0.75, 0.45), (0.93, 0.80, 0.35))


def add_ruler(rng: np.random.Generator, picture: Field, scene: Scene) -> Field:
    """Add a millimetre ruler near an edge: dark marks on the contact plate, or a white paper strip."""
    if scene.ruler == "none":
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    paper, marks = _ruler_drawing(rng, unit, scene)
    to_frame = _ruler_place(rng, hw, paper.shape, beyond=scene.ruler == "paper")
    size = (hw[1], hw[0])
    mark_cover = share(cv2.warpAffine(marks, to_frame, size, flags=cv2.INTER_LINEAR))
    if scene.ruler == "paper":
        paper_cover = share(cv2.warpAffine(paper, to_frame, size, flags=cv2.INTER_LINEAR))
        picture = shaded(picture, blurred(paper_cover, 5 * unit), 0.35)
        picture = blend(picture, paper_cover, np.array([0.93, 0.92, 0.89], np.float32))
    return blend(picture, mark_cover * np.float32(0.8), np.array([0.16, 0.12, 0.13], np.float32))


def _ruler_drawing(rng: np.random.Generator, unit: float, scene: Scene) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a horizontal ruler at OVERSAMPLING times its size. Returns the strip and the marks on it, uint8."""
    u = unit * OVERSAMPLING
    step = rng.uniform(7, 13) * u
    count = 50 if scene.ruler == "paper" else int(rng.integers(20, 41))
    height, margin = max(round(52 * u), 8), round(10 * u)
    strip = np.full((height, round(count * step) + 2 * margin), 255, np.uint8)
    marks = np.zeros_like(strip)
    base, line = round(6 * u), max(1, round(0.8 * u))
    if scene.ruler == "etched":
        cv2.line(marks, (margin, base), (margin + round(count * step), base), 255, line, cv2.LINE_AA)
    for tick in range(count + 1):
        x = margin + round(tick * step)
        length = 20 if tick % 10 == 0 else 14 if tick % 5 == 0 else 8
        cv2.line(marks, (x, base), (x, base + round(length * u)), 255, line, cv2.LINE_AA)
    cv2.putText(marks, "mm", (margin, round(40 * u)), cv2.FONT_HERSHEY_SIMPLEX, 0.5 * u, 255, line, cv2.LINE_AA)
    return strip, marks


def _ruler_place(
    rng: np.random.Generator, hw: tuple[int, int], drawing: tuple[int, ...], beyond: bool
) -> NDArray[np.float64]:
    """Choose the map, (2, 3), from the drawing to the frame: along a random edge, slightly askew.

    The marks point inwards or outwards. *beyond*: the strip may hang over the frame's edge.
    """
    edge = int(rng.integers(4))
    along = math.pi / 2 * edge + rng.normal(0, 0.08) + (0 if rng.random() < 0.6 else math.pi)
    inset = rng.uniform(-0.01, 0.04) if beyond else rng.uniform(0.07, 0.13)
    reach = (hw[0] if edge % 2 == 0 else hw[1]) * (0.5 - inset)
    side = math.pi / 2 * edge + math.pi / 2
    centre = np.array([hw[1] / 2, hw[0] / 2]) + reach * np.array([math.cos(side), math.sin(side)])
    centre += rng.uniform(-0.1, 0.1) * min(hw) * np.array([math.cos(along), math.sin(along)])
    scale = 1 / OVERSAMPLING
    turn = scale * np.array([[math.cos(along), -math.sin(along)], [math.sin(along), math.cos(along)]])
    shift = centre - turn @ (drawing[1] / 2, drawing[0] / 2)
    return np.concatenate([turn, shift[:, None]], axis=1)


def add_sticker(rng: np.random.Generator, picture: Field, scene: Scene) -> Field:
    """Add a coloured paper disc that reaches in from an edge."""
    if not scene.sticker:
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    drawn = canvas(hw)
    radius = rng.uniform(0.2, 0.32) * min(hw)
    x = -0.45 * radius if rng.random() < 0.5 else hw[1] + 0.45 * radius
    centre = (round(x * OVERSAMPLING), round(rng.uniform(0.1, 0.9) * hw[0] * OVERSAMPLING))
    cv2.circle(drawn, centre, round(radius * OVERSAMPLING), 255, -1, cv2.LINE_AA)
    cover = coverage(drawn, hw)
    colour = np.array(_STICKERS[int(rng.integers(len(_STICKERS)))], np.float32)
    fibres = 1 + np.float32(0.04) * clouds(rng, hw, 3 * unit, 2)
    picture = shaded(picture, blurred(cover, 4 * unit), 0.3)
    return blend(picture, cover, np.asarray(np.clip(colour * fibres[..., None], 0, 1), np.float32))


def add_ink(rng: np.random.Generator, picture: Field, scene: Scene, shape: LesionShape) -> Field:
    """Add marks of a violet surgical pen around the lesion; none lies on it."""
    if not scene.ink:
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    drawn = canvas(hw)
    width = rng.uniform(3.5, 7) * unit
    for path in _ink_paths(rng, hw, shape):
        draw_stroke(drawn, path, width * (1 + 0.2 * rng.standard_normal(len(path))).clip(0.5, 1.5))
    dry = np.clip(0.72 + 0.3 * clouds(rng, hw, 5 * unit, 2), 0.1, 1)
    off_lesion = 1 - blurred(shape.opacity, 3 * unit) if scene.lesions else np.ones(hw, np.float32)
    cover = blurred(coverage(drawn, hw), 0.7 * unit) * dry * off_lesion
    return np.asarray(picture * (1 - cover[..., None] * (1 - _INK)), np.float32)


def _ink_paths(rng: np.random.Generator, hw: tuple[int, int], shape: LesionShape) -> list[NDArray[np.float64]]:
    """Lay out a dashed ring, four brackets or a cross beside the lesion."""
    y, x = np.nonzero(shape.mask) if shape.mask.any() else (np.array([hw[0] / 2]), np.array([hw[1] / 2]))
    centre = np.array([x.mean(), y.mean()])
    out = min(max(1.35 * max(float(np.ptp(x)), float(np.ptp(y))) / 2, 0.1 * min(hw)), 0.46 * min(hw))
    style = int(rng.integers(3))
    if style == 0:
        dashes = int(rng.integers(8, 16))
        starts = [2 * math.pi * dash / dashes for dash in range(dashes)]
        return [_arc(centre, out * rng.uniform(0.95, 1.05), start, rng.uniform(0.15, 0.35)) for start in starts]
    if style == 1:
        first = rng.uniform(0, math.pi / 2)
        return [_arc(centre, out, first + quarter * math.pi / 2, 0.7) for quarter in range(4)]
    way = rng.uniform(0, 2 * math.pi)
    corner = centre + 1.15 * out * np.array([math.cos(way), math.sin(way)])
    size = rng.uniform(0.1, 0.18) * min(hw)
    angles = (way + 0.7, way + 0.7 + math.pi / 2)
    return [
        curve((corner[0] - size / 2 * math.cos(a), corner[1] - size / 2 * math.sin(a)), a, size, (0.1, 0.0))
        for a in angles
    ]


def _arc(centre: NDArray[np.float64], radius: float, start: float, turn: float) -> NDArray[np.float64]:
    angles = np.linspace(start, start + turn, 24)
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def add_bubbles(rng: np.random.Generator, picture: Field, scene: Scene) -> Field:
    """Add gel bubbles: a dark rim, a bright crescent, a glint; most are small and come in swarms."""
    if scene.bubbles == 0:
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    rims, lights = canvas(hw), canvas(hw)
    swarms = rng.uniform(0, 1, (3, 2)) * (hw[1], hw[0])
    light_from = rng.uniform(0, 360)
    for _ in range(scene.bubbles):
        swarm = swarms[int(rng.integers(3))] + rng.normal(0, 0.13, 2) * min(hw)
        centre = swarm if rng.random() < 0.6 else rng.uniform(0, 1, 2) * (hw[1], hw[0])
        radius = min(float(rng.lognormal(1.25, 0.6)), 16.0) * unit
        _draw_bubble((rims, lights), centre, radius, light_from + rng.normal(0, 15))
    light = coverage(lights, hw)
    picture = shaded(picture, coverage(rims, hw), 0.42)
    return blend(picture, np.float32(0.8) * smoothstep(0, 1, light), np.array([1.0, 0.99, 0.97], np.float32))


def _draw_bubble(
    surfaces: tuple[NDArray[np.uint8], NDArray[np.uint8]], centre: NDArray[np.float64], radius: float, light_from: float
) -> None:
    rims, lights = surfaces
    middle = (round(float(centre[0]) * OVERSAMPLING), round(float(centre[1]) * OVERSAMPLING))
    size = max(2, round(radius * OVERSAMPLING))
    cv2.circle(rims, middle, size, 255, max(1, size // 7), cv2.LINE_AA)
    inner = max(1, round(0.78 * size))
    cv2.ellipse(lights, middle, (inner, inner), 0, light_from, light_from + 120, 210, max(1, size // 8), cv2.LINE_AA)
    cv2.ellipse(lights, middle, (inner, inner), 0, light_from + 180, light_from + 230, 120, 1, cv2.LINE_AA)
    turn = math.radians(light_from + 60)
    glint = (middle[0] + round(0.45 * size * math.cos(turn)), middle[1] + round(0.45 * size * math.sin(turn)))
    cv2.circle(lights, glint, max(1, size // 7), 255, -1, cv2.LINE_AA)
