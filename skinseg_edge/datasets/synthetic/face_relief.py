"""The drawn face's relief and how light falls on it: a dome with nose, lips, chin, cheeks and eye sockets.

Relief is a height over the plan of `face_shape`, in plan units; it only serves the shading.
"""

import math
from typing import Final

import numpy as np

from skinseg_edge.datasets.synthetic.noise import Field, smoothstep

__all__ = ["Light", "light_on", "lit", "relief", "room_light"]

# Gaussian hills and hollows on the right half, mirrored: x, y, radius across, radius down, height.
_HILLS: Final = (
    (0.30, -0.05, 0.150, 0.095, -0.075),  # eye socket
    (0.31, -0.06, 0.105, 0.070, 0.052),  # eyeball
    (0.26, -0.24, 0.220, 0.060, 0.035),  # brow ridge
    (0.40, 0.20, 0.190, 0.170, 0.060),  # cheek
    (0.120, 0.360, 0.048, 0.050, 0.095),  # wing of the nose
    (0.235, 0.47, 0.045, 0.110, -0.028),  # fold from nose to mouth
    (0.285, 0.60, 0.060, 0.055, -0.018),  # corner of the mouth
    (0.045, 0.50, 0.025, 0.050, 0.016),  # rims of the groove below the nose
)
_MIDDLE: Final = (
    (0.0, -0.56, 0.360, 0.180, 0.030),  # forehead
    (0.0, 0.555, 0.150, 0.035, 0.040),  # upper lip
    (0.0, 0.655, 0.140, 0.035, 0.052),  # lower lip
    (0.0, 0.602, 0.190, 0.018, -0.022),  # where they meet
    (0.0, 0.750, 0.160, 0.055, -0.040),  # below the lip
    (0.0, 0.880, 0.160, 0.090, 0.055),  # chin
    (0.0, 0.345, 0.082, 0.072, 0.085),  # tip of the nose
)


class Light:
    """Where the light comes from: a unit vector (right, down, towards the viewer)."""

    def __init__(self, right: float, down: float) -> None:
        """Light from *right* and *down*, against 1 from the front."""
        length = math.sqrt(right**2 + down**2 + 1)
        self.right, self.down, self.front = right / length, down / length, 1 / length


def room_light(rng: np.random.Generator) -> Light:
    """Choose a light from above and a little from one side."""
    return Light(float(rng.uniform(-0.45, 0.45)), float(rng.uniform(-0.65, -0.30)))


def relief(x: Field, y: Field) -> Field:
    """Raise the face over the plan; *x*, *y*: each pixel's plan coordinates, (H, W)."""
    # The dome's edge is kept from falling vertically, which would leave a black rim.
    inside = np.maximum(1 - np.square(x / 0.80) - np.square((y + 0.02) / 1.12), 0)
    height = np.float32(0.62) * np.power(inside, 0.62).astype(np.float32)
    side = np.abs(x)
    for across, down, wide, high, rise in _HILLS:
        height += np.float32(rise) * np.exp(-np.square((side - across) / wide) - np.square((y - down) / high))
    for across, down, wide, high, rise in _MIDDLE:
        height += np.float32(rise) * np.exp(-np.square((x - across) / wide) - np.square((y - down) / high))
    return np.asarray(height + _nose(x, y), np.float32)


def _nose(x: Field, y: Field) -> Field:
    """Raise the bridge: narrow between the eyes, wider and higher downwards, steep below the tip."""
    along = np.clip((y + 0.22) / 0.58, 0, 1)
    rise = np.float32(0.16) * along**1.4 * smoothstep(0.50, 0.33, y) * smoothstep(-0.32, -0.10, y)
    width = np.float32(0.062) + np.float32(0.040) * along
    return np.asarray(rise * np.exp(-np.square(x / width)), np.float32)


def light_on(height: Field, light: Light, px_a_unit: float) -> tuple[Field, Field]:
    """Shade a relief. Returns diffuse light, 0.4 to 1.1, and gloss, 0 to 1; both (H, W).

    *px_a_unit*: pixels per plan unit, as slopes are taken between pixels.
    """
    down, right = np.gradient(height * np.float32(px_a_unit))
    length = np.sqrt(np.square(down) + np.square(right) + 1)
    diffuse = np.clip((light.front - light.right * right - light.down * down) / length, 0, 1)
    # Half-way between light and viewer: where the surface faces it, the light is mirrored.
    half = Light(light.right / (1 + light.front), light.down / (1 + light.front))
    facing = np.clip((half.front - half.right * right - half.down * down) / length, 0, 1)
    return np.asarray(0.40 + 0.68 * diffuse, np.float32), np.asarray(facing**22, np.float32)


def lit(picture: Field, height: Field, light: Light, px_a_unit: float, gloss: float) -> Field:
    """Light a face. Blood colours what little light comes out of skin in the shade, so shadows stay warm.

    *gloss*: 0 (powdered) to about 0.15 (oily).
    """
    diffuse, mirrored = light_on(height, light, px_a_unit)
    warm = np.power(diffuse[..., None], np.array([0.85, 1.08, 1.15], np.float32))
    return np.asarray(picture * warm + (np.float32(gloss) * mirrored)[..., None], np.float32)
