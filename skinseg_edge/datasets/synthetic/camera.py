"""How the scene is lit and taken: specular flecks, falling light, a dermoscope's ring, a phone's faults, noise."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.noise import Field, blurred, clouds, smoothstep, streaks, unit_px
from skinseg_edge.datasets.synthetic.scene import Scene
from skinseg_edge.datasets.synthetic.strokes import blend

__all__ = ["add_glare", "develop", "ring_opening"]

# The ring is black, but some light strays.
_BEHIND_RING = 0.025


def add_glare(rng: np.random.Generator, picture: Field, scene: Scene) -> Field:
    """Add specular light: white flecks along the skin's grain under a few soft gleams."""
    if scene.glare == 0:
        return picture
    hw = (picture.shape[0], picture.shape[1])
    unit = unit_px(hw)
    gleams = np.zeros(hw, np.float32)
    y, x = np.ogrid[: hw[0], : hw[1]]
    for _ in range(int(rng.integers(1, 4))):
        reach = rng.uniform(0.06, 0.2) * min(hw)
        centre = rng.uniform(0.05, 0.95, 2) * hw
        squares = ((y - centre[0]) / reach) ** 2 + ((x - centre[1]) / (reach * rng.uniform(0.7, 1.8))) ** 2
        gleams = np.maximum(gleams, np.exp(-squares).astype(np.float32))
    grain = streaks(rng, hw, rng.uniform(0, math.pi), 9 * unit, 4 * unit) + 0.6 * clouds(rng, hw, 3 * unit)
    lit = np.asarray(grain + np.float32(0.8 + 1.2 * scene.glare) * gleams, np.float32)
    flecks = smoothstep(3.0, 3.6, lit) * smoothstep(0.1, 0.5, gleams)
    cover = np.clip(blurred(flecks, 0.6 * unit) * 0.9 + 0.22 * np.float32(scene.glare) * gleams, 0, 1)
    return blend(picture, cover, np.array([1.0, 0.99, 0.98], np.float32))


def ring_opening(rng: np.random.Generator, hw: tuple[int, int], scene: Scene) -> Field:
    """Open the dermoscope's ring: 1 where the scene is seen, 0 behind the ring, a soft edge between."""
    if scene.ring == 0:
        return np.ones(hw, np.float32)
    radius = 0.5 * math.hypot(*hw) * (1.02 - 0.32 * scene.ring)
    centre = (np.array(hw) - 1) / 2 + rng.normal(0, 0.015, 2) * min(hw)
    y, x = np.ogrid[: hw[0], : hw[1]]
    distance = np.hypot(y - centre[0], x - centre[1]).astype(np.float32)
    edge = rng.uniform(3, 14) * unit_px(hw)
    return smoothstep(radius + edge, radius - edge, distance)


def develop(rng: np.random.Generator, picture: Field, opening: Field, scene: Scene) -> NDArray[np.uint8]:
    """Take the picture: light, ring, colour balance, focus, sensor noise. Returns (H, W, 3) uint8 RGB."""
    hw = (picture.shape[0], picture.shape[1])
    phone = scene.camera == "phone"
    cast = rng.normal(0, 0.05 if phone else 0.03, 3) * (1, 0.3, 1)
    exposure = rng.uniform(0.8, 1.08) if phone else rng.uniform(0.93, 1.05)
    gains = (exposure * np.exp(cast - cast.mean())).astype(np.float32)
    picture = np.asarray(picture * (_light(rng, hw, phone) * opening)[..., None], np.float32)
    picture *= gains
    picture += (_BEHIND_RING * (1 - opening))[..., None]
    focus = rng.uniform(0.7, 1.5) if phone else rng.uniform(0.45, 0.8)
    picture = blurred(_shoulder(picture), focus * unit_px(hw))
    noise = _sensor_noise(rng, hw)
    noise *= np.float32(rng.uniform(0.004, 0.012) * (1.5 if phone else 1) * 255)
    noise += picture * np.float32(255)
    np.rint(noise, out=noise)
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)


def _light(rng: np.random.Generator, hw: tuple[int, int], phone: bool) -> Field:
    """Fall off towards the corners, from a dermoscope's lamp ring; slope across the frame, from a room's lamp."""
    y, x = np.ogrid[-1 : 1 : hw[0] * 1j, -1 : 1 : hw[1] * 1j]
    corners = (0.5 * (x**2 + y**2)).astype(np.float32)
    light = 1 - np.float32(rng.uniform(0.02, 0.1) if phone else rng.uniform(0.02, 0.28)) * corners**1.5
    way, slope = rng.uniform(0, 2 * math.pi), rng.uniform(0.03, 0.14) if phone else rng.uniform(0, 0.05)
    return np.asarray(light + slope * (math.cos(way) * x + math.sin(way) * y), np.float32)


def _shoulder(picture: Field) -> Field:
    """Bend highlights over from 0.85 on, so that bright skin does not clip to flat white."""
    over = picture - np.float32(0.85)
    np.maximum(over, 0, out=over)
    bent = over / np.float32(0.17)
    bent += 1
    np.divide(over, bent, out=bent)
    bent += np.minimum(picture, np.float32(0.85))
    return bent


def _sensor_noise(rng: np.random.Generator, hw: tuple[int, int]) -> Field:
    """Make noise that is mostly common to the channels, slightly blurred as demosaicking does, deviation about 1."""
    grey = rng.standard_normal((*hw, 1), np.float32)
    coarse = rng.standard_normal((hw[0] // 2 + 1, hw[1] // 2 + 1, 3), np.float32)
    colour = np.asarray(cv2.resize(coarse, (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
    colour *= np.float32(0.7)
    colour += np.float32(0.8) * grey
    return colour
