"""Random fields from which skin, borders and pigment are made: clouds, streaks, ridges and honeycombs."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["blurred", "clouds", "honeycomb", "jittered_grid", "ridges", "share", "smoothstep", "streaks", "unit_px"]

Field = NDArray[np.float32]

# A bicubic interpolation of independent unit normals has about this standard deviation.
_CUBIC_DEVIATION = 0.72


def unit_px(hw: tuple[int, int]) -> float:
    """Give the length, in px, that is 1 px in a picture whose shorter side is 480 px."""
    return min(hw) / 480


def clouds(rng: np.random.Generator, hw: tuple[int, int], wavelength_px: float, octaves: int = 1) -> Field:
    """Make isotropic noise with mean about 0 and standard deviation about 1.

    *wavelength_px*: size of the largest features; every further octave halves size and weight.
    """
    total: Field | None = None
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        # Large features need few pixels: each octave is made at the coarsest size that shows it, then enlarged.
        coarseness = 4 if wavelength_px >= 32 else 2 if wavelength_px >= 12 else 1
        small = (math.ceil(hw[0] / coarseness), math.ceil(hw[1] / coarseness))
        octave = np.float32(weight) * _smooth(rng, small, wavelength_px / coarseness, wavelength_px / coarseness)
        total = octave if total is None else np.add(_enlarged(total, small), octave)
        power += weight**2
        weight, wavelength_px = weight / 2, wavelength_px / 2
    assert total is not None, "octaves is at least 1"
    return _enlarged(total, hw) / np.float32(math.sqrt(power))


def streaks(rng: np.random.Generator, hw: tuple[int, int], angle: float, length_px: float, width_px: float) -> Field:
    """Make noise drawn out along one direction, standard deviation about 1. *angle*: radians from the x axis."""
    side = math.ceil(math.hypot(*hw)) + 2
    straight = _smooth(rng, (side, side), width_px, length_px)
    turn = np.asarray(cv2.getRotationMatrix2D((side / 2, side / 2), math.degrees(-angle), 1.0), np.float64)
    turn[:, 2] += (hw[1] / 2 - side / 2, hw[0] / 2 - side / 2)
    return np.asarray(cv2.warpAffine(straight, turn, (hw[1], hw[0]), flags=cv2.INTER_LINEAR), np.float32)


def ridges(field: Field, width: float) -> Field:
    """Turn the zero crossings of a field into lines: 1 on the crossing, falling to 0 over *width* field units."""
    return np.asarray(np.exp(-np.square(field / width)), np.float32)


def jittered_grid(
    rng: np.random.Generator, hw: tuple[int, int], period_px: float, jitter: float = 0.5
) -> NDArray[np.float32]:
    """Scatter points evenly: a hexagonal grid, each point moved at random.

    *jitter*: largest move, in periods. Returns (P, 2), float32, (x, y) in px, all inside the picture.
    """
    rows = np.arange(0.0, hw[0] + period_px, period_px * math.sqrt(0.75))
    columns = np.arange(0.0, hw[1] + period_px, period_px)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    x[1::2] += period_px / 2
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    points += rng.uniform(-jitter, jitter, points.shape) * period_px
    inside = (points >= 0).all(axis=1) & (points[:, 0] <= hw[1] - 1) & (points[:, 1] <= hw[0] - 1)
    return points[inside].astype(np.float32)


def honeycomb(rng: np.random.Generator, hw: tuple[int, int], period_px: float) -> Field:
    """Make a net of irregular cells: 1 on the cords between cells, 0 in the holes."""
    seeds = np.ones(hw, np.uint8)
    points = np.rint(jittered_grid(rng, hw, period_px, jitter=0.3)).astype(np.intp)
    if not len(points):
        return np.zeros(hw, np.float32)
    seeds[points[:, 1], points[:, 0]] = 0
    distance = cv2.distanceTransform(seeds, cv2.DIST_L2, 5)
    return smoothstep(0.28, 0.56, np.asarray(distance, np.float32) / np.float32(period_px))


def smoothstep(low: float, high: float, field: Field) -> Field:
    """Rise from 0 at *low* to 1 at *high* without a corner (low > high falls instead)."""
    t = np.clip((field - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def share(drawn: cv2.typing.MatLike) -> Field:
    """Turn a drawing, uint8, 0..255, into how much of each pixel it covers, 0..1."""
    return np.asarray(drawn, np.float32) * np.float32(1 / 255)


def blurred(field: Field, sigma_px: float) -> Field:
    """Blur a field or picture with a Gaussian; the border is mirrored."""
    if sigma_px < 0.2:
        return field
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px), np.float32)


def _enlarged(field: Field, hw: tuple[int, int]) -> Field:
    if field.shape == hw:
        return field
    return np.asarray(cv2.resize(field, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _smooth(rng: np.random.Generator, hw: tuple[int, int], rows_px: float, columns_px: float) -> Field:
    """Interpolate a coarse grid of unit normals; its corner lies at a random place, so that no lattice shows."""
    rows_px, columns_px = max(rows_px, 1.0), max(columns_px, 1.0)
    grid_rows, grid_columns = math.ceil(hw[0] / rows_px) + 2, math.ceil(hw[1] / columns_px) + 2
    grid = rng.standard_normal((grid_rows, grid_columns), np.float32)
    top, left = rng.random(2)
    size = (max(hw[1], round(grid_columns * columns_px)), max(hw[0], round(grid_rows * rows_px)))
    large = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)
    top_px, left_px = int(top * (size[1] - hw[0])), int(left * (size[0] - hw[1]))
    cut = large[top_px : top_px + hw[0], left_px : left_px + hw[1]]
    return np.asarray(cut / np.float32(_CUBIC_DEVIATION), np.float32)
