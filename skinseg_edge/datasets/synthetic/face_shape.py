"""The drawn face as a plan: outlines of its parts, mirror-symmetric, and the pose that lays them into the picture.

Plan coordinates are (x, y): x grows to the right of the picture, which is the person's left; y grows downwards. The
cheekbones lie near x = -0.72 and 0.72, the crown at y = -1, the chin at y = 1, the midline at x = 0. The plan is made
of a few curves and is nobody's face.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field

__all__ = ["FaceShape", "Pose", "face_shape", "mirrored", "pose_in", "smooth_curve"]

Points = NDArray[np.float64]


@dataclass(frozen=True)
class FaceShape:
    """Closed outlines, each (P, 2), float64, plan coordinates.

    *face*: skull and jaw. *neck*, *ears*: skin that is not face. *eyes*: the openings between the lids. *brows*.
    *upper_lip*, *lower_lip*, and *mouth_line*, open, where they meet. *iris_radius*, *brow_y*: in plan units.
    """

    face: Points
    neck: Points
    ears: tuple[Points, Points]
    eyes: tuple[Points, Points]
    brows: tuple[Points, Points]
    upper_lip: Points
    lower_lip: Points
    mouth_line: Points
    iris_radius: float
    brow_y: float


@dataclass(frozen=True)
class Pose:
    """How the plan lies in the picture: *centre* (x, y) px, *scale* px a plan unit, *tilt* radians, *turn* of the head.

    The turn moves what is near the midline sideways, by up to *turn* plan units, and leaves the face's edge in place.
    """

    centre: tuple[float, float]
    scale: float
    tilt: float
    turn: float

    def to_picture(self, points: Points) -> Points:
        """Map (P, 2) plan coordinates to picture coordinates, px."""
        x = points[:, 0] + self.turn * _nearness(points[:, 0])
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        turned = np.stack([cos * x - sin * points[:, 1], sin * x + cos * points[:, 1]], axis=1)
        return np.asarray(turned * self.scale + self.centre, np.float64)

    def plan_of_pixels(self, hw: tuple[int, int]) -> tuple[Field, Field]:
        """Give each pixel's plan coordinates: two (H, W) fields, x and y."""
        u = (np.arange(hw[1], dtype=np.float32)[None] - np.float32(self.centre[0])) / np.float32(self.scale)
        v = (np.arange(hw[0], dtype=np.float32)[:, None] - np.float32(self.centre[1])) / np.float32(self.scale)
        cos, sin = np.float32(math.cos(self.tilt)), np.float32(math.sin(self.tilt))
        moved, y = cos * u + sin * v, cos * v - sin * u
        x = moved
        for _ in range(4):  # the turn is small, so this settles within a hundredth of a pixel
            x = moved - np.float32(self.turn) * _nearness(x)
        return np.asarray(x, np.float32), np.asarray(y, np.float32)


def pose_in(rng: np.random.Generator, hw: tuple[int, int]) -> Pose:
    """Choose a pose: the face upright within some degrees, near the middle, two thirds of the frame high."""
    scale = min(hw) * rng.uniform(0.36, 0.43)
    centre = (hw[1] / 2 + rng.normal(0, 0.02) * hw[1], hw[0] / 2 + rng.normal(0.02, 0.012) * hw[0])
    return Pose(centre, scale, tilt=float(rng.normal(0, math.radians(3))), turn=float(rng.normal(0, 0.035)))


def face_shape(rng: np.random.Generator) -> FaceShape:
    """Draw up a face: the same curves each time, their proportions by chance."""
    jaw, cheek, chin, length = (1 + rng.normal(0, deviation) for deviation in (0.05, 0.025, 0.06, 0.02))
    half = [
        (0.0, -1.0), (0.36, -0.94), (0.62, -0.70), (0.71 * cheek, -0.35), (0.725 * cheek, 0.02),
        (0.67 * cheek * jaw, 0.36), (0.53 * jaw, 0.69), (0.29 * chin, 0.92 * length), (0.0, length),
    ]  # fmt: skip
    brow_y, eye_y = -0.26 + rng.normal(0, 0.012), -0.055 + rng.normal(0, 0.01)
    eye = _eye(rng, eye_y)
    brow = _brow(rng, brow_y)
    upper, lower, line = _lips(rng)
    neck = np.array([(-0.40, 0.55), (0.40, 0.55), (0.41, 1.15), (0.62, 1.42), (-0.62, 1.42), (-0.41, 1.15)])
    return FaceShape(
        face=smooth_curve(_both_halves(np.array(half))),
        neck=neck,
        ears=_pair(_ear(rng)),
        eyes=_pair(eye),
        brows=_pair(brow),
        upper_lip=upper,
        lower_lip=lower,
        mouth_line=line,
        iris_radius=0.068,
        brow_y=brow_y,
    )


def smooth_curve(points: Points, closed: bool = True, steps: int = 10) -> Points:
    """Run a smooth curve (Catmull-Rom) through (P, 2) points. Returns *steps* points a piece, and the end if open."""
    ring = np.concatenate([points[-1:], points, points[:2]]) if closed else np.concatenate(
        [2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]]
    )  # fmt: skip
    before, start, end, after = (ring[i : len(ring) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    bends = (2 * before - 5 * start + 4 * end - after) * t**2 + (3 * (start - end) + after - before) * t**3
    curve = (0.5 * (2 * start + (end - before) * t + bends)).reshape(-1, 2)
    return np.asarray(curve if closed else np.concatenate([curve, points[-1:]]), np.float64)


def mirrored(points: Points) -> Points:
    """Mirror plan points at the midline."""
    return np.asarray(points * (-1.0, 1.0), np.float64)


def _nearness(x: Field | NDArray[np.float64]) -> NDArray[np.floating]:
    """How near the midline: 1 on it, 0 from the cheekbones on."""
    return np.asarray(np.maximum(1 - np.square(x / 0.8), 0))


def _pair(points: Points) -> tuple[Points, Points]:
    return points, mirrored(points)


def _both_halves(half: Points) -> Points:
    """Join the right half of an outline, from crown to chin, with its mirror image."""
    return np.concatenate([half, mirrored(half[-2:0:-1])])


def _ear(rng: np.random.Generator) -> Points:
    size = 1 + rng.normal(0, 0.06)
    ear = np.array([(0.66, -0.20), (0.78, -0.22), (0.83, -0.08), (0.79, 0.12), (0.72, 0.25), (0.65, 0.20)])
    return smooth_curve(np.array((0.68, 0.0)) + (ear - (0.68, 0.0)) * size)


def _eye(rng: np.random.Generator, y: float) -> Points:
    """Draw the opening of an eye: inner corner, upper lid, outer corner, lower lid."""
    slant, opening, at = rng.normal(0.012, 0.012), rng.uniform(0.055, 0.078), 0.30 + rng.normal(0, 0.01)
    inner, outer = np.array((at - 0.125, y + slant + 0.012)), np.array((at + 0.13, y - slant))
    upper = smooth_curve(np.array([inner, (at - 0.02, y - opening), (at + 0.07, y - 0.82 * opening), outer]), False)
    lower = smooth_curve(
        np.array([outer, (at + 0.04, y + 0.62 * opening), (at - 0.05, y + 0.55 * opening), inner]), False
    )
    return np.concatenate([upper, lower[1:-1]])


def _brow(rng: np.random.Generator, y: float) -> Points:
    arch, thick = rng.uniform(0.015, 0.05), rng.uniform(0.7, 1.15)
    along = np.array([(0.13, y + 0.02), (0.22, y - 0.3 * arch), (0.36, y - arch), (0.48, y + 0.035)])
    half = np.array([0.022, 0.03, 0.022, 0.004])[:, None] * thick * np.array((0.0, 1.0))
    return np.concatenate([smooth_curve(along - half, False), smooth_curve(along + half, False)[::-1]])


def _lips(rng: np.random.Generator) -> tuple[Points, Points, Points]:
    """Draw both lips around the line where they meet, and that line; its middle lies at y = 0.60."""
    width, upper, lower = rng.uniform(0.22, 0.275), rng.uniform(0.045, 0.07), rng.uniform(0.065, 0.095)
    smile, middle = rng.uniform(-0.005, 0.02), 0.60
    meeting = [(0.0, middle + 0.006), (0.45 * width, middle), (width, middle - smile)]
    bow = [(0.0, middle - 0.72 * upper), (0.22 * width, middle - upper), (0.62 * width, middle - 0.62 * upper)]
    under = [(0.0, middle + lower), (0.35 * width, middle + 0.94 * lower), (0.72 * width, middle + 0.52 * lower)]
    line = smooth_curve(_across(meeting), False)
    corner = meeting[-1]
    top = smooth_curve(_across([*bow, corner]), False)
    bottom = smooth_curve(_across([*under, corner]), False)
    return np.concatenate([top, line[::-1]]), np.concatenate([line, bottom[::-1]]), line


def _across(half: list[tuple[float, float]]) -> Points:
    """Run a half curve, from the midline outwards, from one corner of the mouth to the other."""
    right = np.array(half)
    return np.concatenate([mirrored(right[:0:-1]), right])
