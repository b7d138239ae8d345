"""The drawn face's parts that are no skin region: eyes, brows, lips and nostrils, and the skin of ears and neck."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.face_shape import FaceShape, mirrored, smooth_curve
from skinseg_edge.datasets.synthetic.noise import Field, blurred, smoothstep
from skinseg_edge.datasets.synthetic.skin import BLOOD, MELANIN, absorb
from skinseg_edge.datasets.synthetic.strokes import blend, canvas, coverage, draw_stroke, shaded

__all__ = ["FaceTraits", "add_brows", "add_ears_and_neck", "add_eyes", "add_lips", "add_nostrils", "face_traits"]

_IRISES: Final = ((0.23, 0.13, 0.08), (0.35, 0.22, 0.12), (0.36, 0.38, 0.22), (0.32, 0.45, 0.55), (0.30, 0.36, 0.36))
_LID: Final = np.array([0.10, 0.07, 0.07], np.float32)


@dataclass(frozen=True)
class FaceTraits:
    """What is chosen by chance. *eyes_open*: closed eyes are drawn as in clinical pictures. *iris*: (3,) RGB, 0..1.

    *lip_blood*: how red the lips are. *lip_melanin*: how dark.
    """

    eyes_open: bool
    iris: NDArray[np.float32]
    lip_blood: float
    lip_melanin: float


def face_traits(rng: np.random.Generator, fitzpatrick: int) -> FaceTraits:
    """Choose traits; irises are brown from skin type 4 on."""
    iris = _IRISES[int(rng.integers(len(_IRISES) if fitzpatrick <= 3 else 2))]
    blood = rng.uniform(0.25, 0.55) if rng.random() < 0.7 else rng.uniform(0.7, 1.1)
    return FaceTraits(bool(rng.random() < 0.6), np.array(iris, np.float32), float(blood), float(rng.uniform(0.1, 0.3)))


def add_ears_and_neck(frame: FaceFrame, picture: Field, shape: FaceShape, rgb: NDArray[np.float32]) -> Field:
    """Lay neck and ears, skin that belongs to no region, below the face; the chin shades the neck."""
    x, y = frame.plan
    column = np.float32(0.92) - np.float32(0.75) * np.square(x / 0.75) - 0.30 * smoothstep(1.35, 0.85, y)
    picture = blend(picture, frame.cover(shape.neck), np.asarray(rgb * column[..., None], np.float32))
    ears = frame.cover(*shape.ears)
    shell = np.float32(0.84) - 0.24 * smoothstep(0.10, 0.02, np.asarray(np.hypot(np.abs(x) - 0.745, (y - 0.0) / 1.7)))
    picture = shaded(picture, blurred(ears, frame.px(0.04)), 0.2)
    flushed = rgb * np.exp(np.float32(-0.10) * BLOOD)
    return blend(picture, ears, np.asarray(flushed * shell[..., None], np.float32))


def add_nostrils(frame: FaceFrame, picture: Field) -> Field:
    """Darken two small openings below the tip of the nose."""
    opening = smooth_curve(np.array([(0.035, 0.415), (0.070, 0.398), (0.110, 0.405), (0.085, 0.425)]))
    return shaded(picture, blurred(frame.cover(opening, mirrored(opening)), frame.px(0.007)), 0.62)


def add_lips(frame: FaceFrame, picture: Field, shape: FaceShape, traits: FaceTraits) -> Field:
    """Redden the lips and draw the line between them."""
    cover = frame.cover(shape.upper_lip, shape.lower_lip)
    soft = blurred(cover, frame.px(0.006))
    red = absorb(picture, np.asarray(soft * np.float32(traits.lip_blood), np.float32), BLOOD)
    red = absorb(red, np.asarray(soft * np.float32(traits.lip_melanin), np.float32), MELANIN)
    upper = frame.cover(shape.upper_lip)
    red = shaded(red, upper, 0.14)
    line = canvas(frame.hw)
    width = max(frame.px(0.014), 0.7)
    draw_stroke(line, frame.pose.to_picture(shape.mouth_line), np.full(len(shape.mouth_line), width))
    return shaded(red, blurred(coverage(line, frame.hw), frame.px(0.004)), 0.62)


def add_brows(
    rng: np.random.Generator, frame: FaceFrame, picture: Field, shape: FaceShape, rgb: NDArray[np.float32]
) -> Field:
    """Lay brows of hair colour, uneven as hair is."""
    hairs = canvas(frame.hw)
    for brow in shape.brows:
        lower, upper = brow[: len(brow) // 2], brow[len(brow) // 2 :][::-1]
        for start in np.repeat(np.arange(len(lower) - 1), 3):
            end = min(start + int(rng.integers(2, 6)), len(upper) - 1)
            ends = np.array([lower[start], (lower[start] + 2 * upper[end]) / 3, upper[end]])
            path = frame.pose.to_picture(ends + rng.normal(0, 0.004, 2))
            draw_stroke(hairs, path, np.maximum(frame.px(0.011), 0.5) * np.array([1.0, 0.8, 0.2]))
    soft = blurred(frame.cover(*shape.brows), frame.px(0.011)) * np.float32(0.55)
    cover = np.maximum(soft, blurred(coverage(hairs, frame.hw), frame.px(0.002)) * np.float32(0.8))
    return blend(picture, cover, np.asarray(rgb * np.float32(0.75), np.float32))


def add_eyes(frame: FaceFrame, picture: Field, shape: FaceShape, traits: FaceTraits) -> Field:
    """Draw the eyes, open or closed."""
    cover = frame.cover(*shape.eyes)
    if traits.eyes_open:
        picture = blend(picture, cover, _eyeballs(frame, shape, traits, cover))
    return _lids(frame, picture, shape, traits)


def _eyeballs(frame: FaceFrame, shape: FaceShape, traits: FaceTraits, cover: Field) -> Field:
    """Paint white, iris, pupil and a glint; the lid shades the upper rim."""
    balls = np.full((*frame.hw, 3), (0.90, 0.885, 0.875), np.float32)
    middles = [np.asarray(eye.mean(axis=0), np.float64) for eye in shape.eyes]
    r = shape.iris_radius
    discs = [[frame.disc(m[0], m[1] - 0.004, r * size) for m in middles] for size in (1.0, 0.86, 0.45)]
    rim, iris, pupil = (frame.cover(*pair) for pair in discs)
    balls = blend(balls, rim, np.asarray(traits.iris * np.float32(0.45), np.float32))
    balls = blend(balls, iris, traits.iris)
    balls = blend(balls, pupil, np.full(3, 0.03, np.float32))
    shade = np.clip(1 - blurred(cover, frame.px(0.022)), 0, 1)
    balls = shaded(balls, np.asarray(shade, np.float32), 0.8)
    glints = frame.cover(*[frame.disc(m[0] + 0.3 * r, m[1] - 0.4 * r, 0.2 * r) for m in middles])
    return blend(balls, glints, np.full(3, 0.97, np.float32))


def _lids(frame: FaceFrame, picture: Field, shape: FaceShape, traits: FaceTraits) -> Field:
    """Draw the lash lines, and the crease above open eyes."""
    lashes, creases = canvas(frame.hw), canvas(frame.hw)
    for eye in shape.eyes:
        count = len(eye) // 2 + 1
        upper, lower = eye[:count], eye[count - 1 :]
        # A closed lid hangs where the lower one is, bent downwards.
        line = upper if traits.eyes_open else np.add(lower[::-1], (0, 0.004))
        widths = frame.px(0.026) * np.sin(np.linspace(0.25, np.pi - 0.15, len(line)))
        draw_stroke(lashes, frame.pose.to_picture(line), np.maximum(widths, 0.6))
        crease = np.add(upper, (0, -0.034 if traits.eyes_open else 0.012))
        draw_stroke(creases, frame.pose.to_picture(crease), np.full(len(upper), max(frame.px(0.010), 0.5)))
    picture = shaded(picture, blurred(coverage(creases, frame.hw), frame.px(0.007)), 0.38)
    return blend(picture, coverage(lashes, frame.hw) * np.float32(0.88), _LID)
