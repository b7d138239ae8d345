"""What surrounds a drawn face: backdrop, clothes, hair in some styles, a headband or a scarf."""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.face_shape import mirrored, smooth_curve
from skinseg_edge.datasets.synthetic.noise import Field, blurred, clouds, smoothstep
from skinseg_edge.datasets.synthetic.strokes import blend, shaded

__all__ = ["HairStyle", "Surroundings", "dress", "hair_in_front", "head_of_hair", "lay_hair_in_front", "surroundings"]

HairStyle = Literal["short", "bob", "long", "bun", "band", "scarf"]
Points = NDArray[np.float64]

_STYLES: Final[tuple[HairStyle, ...]] = ("short", "bob", "long", "bun", "band", "scarf")
_HAIR: Final = {
    "black": (0.085, 0.075, 0.08),
    "dark-brown": (0.17, 0.115, 0.085),
    "brown": (0.33, 0.215, 0.135),
    "auburn": (0.40, 0.19, 0.11),
    "blond": (0.74, 0.58, 0.36),
    "grey": (0.56, 0.55, 0.54),
}
_DARK: Final = ("black", "dark-brown")
_CLOTHS: Final = (
    (0.20, 0.36, 0.42), (0.56, 0.24, 0.28), (0.30, 0.30, 0.46), (0.86, 0.84, 0.79),
    (0.42, 0.50, 0.36), (0.79, 0.60, 0.34), (0.15, 0.16, 0.19), (0.60, 0.52, 0.62),
)  # fmt: skip
_BACKDROPS: Final = (
    (0.13, 0.15, 0.18), (0.80, 0.84, 0.85), (0.43, 0.54, 0.58), (0.73, 0.68, 0.60),
    (0.30, 0.37, 0.47), (0.62, 0.69, 0.63), (0.90, 0.88, 0.84),
)  # fmt: skip


@dataclass(frozen=True)
class Surroundings:
    """What is chosen by chance. Colours are (3,) RGB, 0..1; *hairline*: y of its middle, plan units."""

    style: HairStyle
    hair: NDArray[np.float32]
    cloth: NDArray[np.float32]
    wrap: NDArray[np.float32]
    backdrop: NDArray[np.float32]
    hairline: float


def surroundings(rng: np.random.Generator, fitzpatrick: int) -> Surroundings:
    """Choose hair, clothes and backdrop; dark skin comes with dark hair, light skin with any."""
    shades = [*_HAIR] if fitzpatrick <= 3 else [*_DARK, "brown", "grey"] if fitzpatrick <= 4 else [*_DARK, "grey"]
    cloth, wrap = rng.choice(len(_CLOTHS), 2, replace=False)
    return Surroundings(
        style=_STYLES[int(rng.integers(len(_STYLES)))],
        hair=np.array(_HAIR[shades[int(rng.integers(len(shades)))]], np.float32),
        cloth=np.array(_CLOTHS[int(cloth)], np.float32),
        wrap=np.array(_CLOTHS[int(wrap)], np.float32),
        backdrop=np.array(_BACKDROPS[int(rng.integers(len(_BACKDROPS)))], np.float32),
        hairline=float(rng.uniform(-0.76, -0.66)),
    )


def _backdrop(rng: np.random.Generator, frame: FaceFrame, around: Surroundings) -> Field:
    """Paint the wall behind: one colour, lighter behind the head, a little uneven."""
    x, y = frame.plan
    glow = np.exp(-np.square(x / 1.5) - np.square((y + 0.3) / 1.5))
    tone = np.float32(0.84) + np.float32(0.22) * glow + np.float32(0.015) * clouds(rng, frame.hw, frame.px(0.7), 2)
    return np.asarray(np.clip(around.backdrop * tone[..., None], 0, 1), np.float32)


def head_of_hair(rng: np.random.Generator, frame: FaceFrame, around: Surroundings) -> Field:
    """Paint the backdrop and the hair that lies behind the head; returns (H, W, 3), 0..1."""
    picture = _backdrop(rng, frame, around)
    outline = _behind(frame, around)
    if outline is None:
        return picture
    cover = frame.cover(outline)
    picture = shaded(picture, blurred(cover, frame.px(0.08)), 0.25)
    if around.style == "scarf":
        colour = _drape(rng, frame, around)
    else:
        colour = _strands(rng, frame, around.hair, pivot_y=-1.30 if around.style == "bun" else -1.24)
    return blend(picture, cover, np.asarray(colour * np.float32(0.84), np.float32))


def dress(rng: np.random.Generator, frame: FaceFrame, around: Surroundings, picture: Field) -> Field:
    """Lay clothes over the shoulders, with a round neck."""
    x, y = frame.plan
    half = np.array([(0.0, 1.37), (0.24, 1.33), (0.46, 1.21), (0.80, 1.34), (1.25, 1.52), (1.50, 1.90), (1.52, 2.6)])
    cover = frame.cover(smooth_curve(np.concatenate([half, mirrored(half[:0:-1])])))
    folds = np.float32(0.05) * clouds(rng, frame.hw, frame.px(0.3), 2)
    tone = np.float32(1.04) - np.float32(0.22) * np.square(x / 1.4) - np.float32(0.12) * np.clip(y - 1.3, 0, 1) + folds
    picture = shaded(picture, blurred(cover, frame.px(0.03)), 0.35)
    return blend(picture, cover, np.asarray(around.cloth * tone[..., None], np.float32))


def hair_in_front(frame: FaceFrame, around: Surroundings) -> Field:
    """Tell what the hair, band or scarf in front covers: (H, W), 0..1."""
    return frame.cover(_in_front(around), *([_band(around)] if around.style == "band" else []))


def lay_hair_in_front(rng: np.random.Generator, frame: FaceFrame, around: Surroundings, picture: Field) -> Field:
    """Lay the hair, band or scarf in front over the face; it shades the forehead."""
    cover = frame.cover(_in_front(around))
    picture = shaded(picture, blurred(cover, frame.px(0.035)), 0.42)
    colour = _drape(rng, frame, around) if around.style == "scarf" else _strands(rng, frame, around.hair)
    picture = blend(picture, cover, colour)
    if around.style == "band":
        band = frame.cover(_band(around))
        picture = blend(shaded(picture, blurred(band, frame.px(0.02)), 0.35), band, _drape(rng, frame, around))
    return picture


def _behind(frame: FaceFrame, around: Surroundings) -> Points | None:
    """Outline the hair behind the head; None where all of it is in front."""
    if around.style == "bun":
        return frame.disc(0.0, -1.20, 0.27, 0.24)
    if around.style in ("short", "band"):
        return None
    ends = {
        "bob": [(0.90, -0.25), (0.95, 0.25), (0.88, 0.66), (0.55, 0.80)],
        "long": [(0.90, -0.25), (0.97, 0.35), (1.00, 1.00), (0.88, 1.50), (0.55, 1.62)],
        "scarf": [(0.86, -0.3), (0.88, 0.3), (0.80, 0.8), (0.72, 1.25), (0.95, 1.6), (0.5, 1.75)],
    }[around.style]
    half = np.array([(0.0, -1.16), (0.40, -1.10), (0.72, -0.84), *ends])
    return np.asarray(smooth_curve(np.concatenate([half, mirrored(half[:0:-1])])), np.float64)


def _in_front(around: Surroundings) -> Points:
    """Outline what covers the forehead's upper rim: over the crown, and back along the hairline."""
    line, high = around.hairline, 1.13 if around.style in ("short", "band") else 1.17
    outer = [(0.74, 0.02), (0.80, -0.34), (0.70, -0.80), (0.40, -1.08), (0.0, -high)]
    hair = [(0.0, line), (0.24, line - 0.01), (0.45, line + 0.10), (0.595, line + 0.32), (0.655, -0.16), (0.70, 0.04)]
    if around.style == "scarf":
        outer = [(0.66, 1.30), (0.84, 0.62), (0.85, 0.0), (0.82, -0.50), (0.62, -0.92), (0.34, -1.10), (0.0, -1.16)]
        hair = [(0.0, line), (0.30, line + 0.04), (0.52, line + 0.26), (0.62, -0.14), (0.63, 0.22),
                (0.55, 0.58), (0.36, 0.88), (0.16, 1.02), (0.0, 1.05)]  # fmt: skip
        below = smooth_curve(np.array([(0.0, 1.45), (0.30, 1.46), (0.55, 1.42), outer[0]]), False)
        right = np.concatenate([smooth_curve(np.array(hair), False), below, smooth_curve(np.array(outer), False)])
        return np.concatenate([right, mirrored(right[::-1])])
    right = np.concatenate([smooth_curve(np.array(hair), False), smooth_curve(np.array(outer), False)])
    return np.concatenate([right, mirrored(right[::-1])])


def _band(around: Surroundings) -> Points:
    """Outline a headband along the hairline."""
    line = around.hairline
    lower = np.array([(0.0, line + 0.03), (0.26, line + 0.03), (0.47, line + 0.13), (0.62, line + 0.33), (0.71, -0.20)])
    upper = np.array([(0.0, line - 0.13), (0.30, line - 0.12), (0.55, line + 0.02), (0.72, line + 0.24), (0.78, -0.24)])
    right = np.concatenate([smooth_curve(lower, False), smooth_curve(upper, False)[::-1]])
    return np.concatenate([right, mirrored(right[::-1])])


def _strands(rng: np.random.Generator, frame: FaceFrame, colour: NDArray[np.float32], pivot_y: float = -1.24) -> Field:
    """Paint hair that spreads from a point of the midline: strands as noise along the angle, a sheen around it."""
    x, y = frame.plan
    angle, away = np.arctan2(x, y - pivot_y), np.hypot(x, y - pivot_y)
    fine = rng.standard_normal((6, 840), np.float32)
    coarse = np.asarray(cv2.resize(rng.standard_normal((4, 140), np.float32), (840, 6)), np.float32)
    texture = cv2.remap(
        np.asarray(0.55 * fine + 0.8 * coarse, np.float32),
        np.asarray((angle / np.pi + 1) * 419, np.float32),
        np.asarray(np.clip(away / 2.8, 0, 1) * 5, np.float32),
        cv2.INTER_LINEAR,
    )
    sheen = np.exp(-np.square((away - 0.42) / 0.16)) + 0.5 * np.exp(-np.square((away - 1.15) / 0.3))
    tone = 1 + 0.20 * np.asarray(texture, np.float32)
    lit = colour * tone[..., None] + (np.float32(0.10) * (0.4 + tone) * sheen)[..., None] * (colour + 0.35)
    rim = smoothstep(1.15, 0.5, np.abs(x)) * np.float32(0.35) + np.float32(0.65)
    return np.asarray(np.clip(lit * rim[..., None], 0, 1), np.float32)


def _drape(rng: np.random.Generator, frame: FaceFrame, around: Surroundings) -> Field:
    """Paint cloth: matt, with soft folds."""
    x, y = frame.plan
    folds = np.float32(0.07) * np.sin(9 * np.hypot(x, y + 0.2) + 2 * clouds(rng, frame.hw, frame.px(0.6)))
    tone = np.float32(1.02) + folds - np.float32(0.28) * np.square(x)
    return np.asarray(np.clip(around.wrap * tone[..., None], 0, 1), np.float32)
