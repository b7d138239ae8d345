"""The skin of a drawn face without melasma: its tone, rosy cheeks, freckles, moles and spots, none of them lesion."""

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.noise import Field, blurred, clouds, smoothstep
from skinseg_edge.datasets.synthetic.skin import BLOOD, MELANIN

__all__ = ["paint_face_skin"]


def paint_face_skin(rng: np.random.Generator, frame: FaceFrame, rgb: NDArray[np.float32]) -> Field:
    """Paint skin of a colour over the whole frame, unlit; returns (H, W, 3), 0..1."""
    hw, x, y = frame.hw, *frame.plan
    melanin = rng.uniform(0.01, 0.035) * clouds(rng, hw, frame.px(0.5), 3)
    melanin += 0.018 * clouds(rng, hw, max(frame.px(0.02), 1.0), 2)
    melanin += max(0.0, rng.uniform(-0.3, 0.30)) * _freckles(rng, frame)
    melanin += rng.uniform(0.4, 0.8) * _spots(rng, frame, int(rng.integers(0, 4)), 0.018)
    blood = 0.02 * clouds(rng, hw, frame.px(0.25), 3)
    blood += rng.uniform(0.05, 0.22) * _rosy(x, y)
    blood += rng.uniform(0.2, 0.5) * blurred(_spots(rng, frame, int(rng.integers(0, 6)), 0.024), frame.px(0.012))
    passed = melanin[..., None] * -MELANIN
    passed -= blood[..., None] * BLOOD
    return np.asarray(rgb * np.exp(passed), np.float32)


def _rosy(x: Field, y: Field) -> Field:
    """Where blood shows: cheeks, tip of the nose, chin."""
    side = np.abs(x)
    cheeks = np.exp(-np.square((side - 0.42) / 0.20) - np.square((y - 0.24) / 0.16))
    nose = 0.7 * np.exp(-np.square(x / 0.11) - np.square((y - 0.34) / 0.10))
    chin = 0.4 * np.exp(-np.square(x / 0.15) - np.square((y - 0.88) / 0.10))
    return np.asarray(cheeks + nose + chin, np.float32)


def _freckles(rng: np.random.Generator, frame: FaceFrame) -> Field:
    """Draw faint soft dots over nose and cheeks."""
    x, y = frame.plan
    where = np.exp(-np.square((np.abs(x) - 0.2) / 0.3) - np.square((y - 0.15) / 0.22))
    return smoothstep(1.1, 2.4, clouds(rng, frame.hw, max(frame.px(0.045), 1.5), 2)) * np.asarray(where, np.float32)


def _spots(rng: np.random.Generator, frame: FaceFrame, count: int, radius: float) -> Field:
    """Draw some small round spots anywhere on the face; 1 inside one."""
    if count == 0:
        return np.zeros(frame.hw, np.float32)
    places = rng.uniform((-0.55, -0.5), (0.55, 0.85), (count, 2))
    discs = [frame.disc(x, y, radius * rng.uniform(0.6, 1.2)) for x, y in places]
    return frame.cover(*discs)
