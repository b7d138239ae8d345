"""Synthetic faces with drawn melasma and their exact label maps: for tests and demonstrations, not for medicine.

Schematic and nobody's: each is the same few curves in proportions that the seed chooses. The same seed and size give
the same bytes on one machine with one version of numpy and OpenCV.

The classes are `label_maps.MELASMA_CLASSES`; background is also hair, eyes, lips, ears and neck. LF and RF are the
person's left and right, as physicians say it: in a picture taken from the front, LF lies in the right half. So a
mirrored picture must swap the two, or a network cannot tell them apart.

>>> face = draw_face(7, (96, 96), fitzpatrick=4)
>>> face.photo.shape, face.labels.shape, np.unique(face.labels).tolist()
((96, 96, 3), (96, 96), [0, 1, 2, 3, 4, 5])
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.camera import develop
from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.face_hair import (
    Surroundings,
    dress,
    hair_in_front,
    head_of_hair,
    lay_hair_in_front,
    surroundings,
)
from skinseg_edge.datasets.synthetic.face_parts import (
    FaceTraits,
    add_brows,
    add_ears_and_neck,
    add_eyes,
    add_lips,
    add_nostrils,
    face_traits,
)
from skinseg_edge.datasets.synthetic.face_regions import MELASMA, regions
from skinseg_edge.datasets.synthetic.face_relief import lit, relief, room_light
from skinseg_edge.datasets.synthetic.face_shape import FaceShape, face_shape, pose_in
from skinseg_edge.datasets.synthetic.face_skin import paint_face_skin
from skinseg_edge.datasets.synthetic.melasma import Melasma, chosen_melasma, melasma_opacity, pigment_melasma
from skinseg_edge.datasets.synthetic.noise import Field, blurred
from skinseg_edge.datasets.synthetic.scene import Scene
from skinseg_edge.datasets.synthetic.skin import skin_lab, skin_rgb
from skinseg_edge.datasets.synthetic.strokes import blend, shaded

__all__ = ["SyntheticFace", "draw_face"]

_SMALLEST_SIDE = 48


@dataclass(frozen=True)
class SyntheticFace:
    """A drawn face.

    *photo*: (H, W, 3), uint8, RGB. *labels*: (H, W), uint8, indices into `MELASMA_CLASSES`; a region's class is its
    skin without melasma. *fitzpatrick*: skin type, 1 (very light) to 6 (very dark). *melasma*: what was drawn.
    *seed*: as given.
    """

    photo: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    fitzpatrick: int
    melasma: Melasma
    seed: int


def draw_face(seed: int, hw: tuple[int, int] = (512, 512), fitzpatrick: int | None = None) -> SyntheticFace:
    """Draw one face and its label map; every class is in it.

    *seed*: 0 or larger. *hw*: rows and columns, px, each at least 48. *fitzpatrick*: skin type, 1 to 6; without one
    the seed chooses.

    Raises ValueError if seed < 0, a side of hw < 48, or fitzpatrick is not 1 to 6.
    """
    _check(seed, hw, fitzpatrick)
    parts = [np.random.default_rng([seed, 100 + part]) for part in range(12)]
    kind = fitzpatrick or int(parts[0].integers(1, 7))
    sitter = _Sitter(
        frame=FaceFrame(hw, pose_in(parts[1], hw)),
        shape=face_shape(parts[2]),
        traits=face_traits(parts[3], kind),
        around=surroundings(parts[4], kind),
        melasma=chosen_melasma(parts[5], kind),
        rgb=skin_rgb(skin_lab(parts[6], kind)),
    )
    skin = _open_skin(sitter)
    opacity = melasma_opacity(parts[7], sitter.frame, skin, sitter.melasma)
    picture = _painted(parts[8], sitter, opacity)
    room = Scene(fitzpatrick=kind, camera="phone" if parts[9].random() < 0.5 else "dermoscope")
    photo = develop(parts[9], picture, np.ones(hw, np.float32), room)
    labels = regions(sitter.frame, sitter.shape, skin)
    labels[skin & (opacity >= 0.5)] = MELASMA
    return SyntheticFace(photo, labels, kind, sitter.melasma, seed)


@dataclass(frozen=True)
class _Sitter:
    """All that is chosen by chance before the first stroke."""

    frame: FaceFrame
    shape: FaceShape
    traits: FaceTraits
    around: Surroundings
    melasma: Melasma
    rgb: NDArray[np.float32]


def _open_skin(sitter: _Sitter) -> NDArray[np.bool_]:
    """Tell where face skin is seen: not under hair, no eye, brow or lip."""
    frame, shape = sitter.frame, sitter.shape
    hidden = frame.cover(*shape.eyes, *shape.brows, shape.upper_lip, shape.lower_lip)
    return (frame.cover(shape.face) >= 0.5) & (hidden < 0.5) & (hair_in_front(frame, sitter.around) < 0.5)


def _painted(rng: np.random.Generator, sitter: _Sitter, opacity: Field) -> Field:
    """Paint from back to front; returns (H, W, 3), 0..1."""
    frame, shape, around = sitter.frame, sitter.shape, sitter.around
    parts = rng.spawn(5)
    picture = add_ears_and_neck(frame, head_of_hair(parts[0], frame, around), shape, sitter.rgb)
    picture = dress(parts[1], frame, around, picture)
    face = frame.cover(shape.face)
    picture = shaded(picture, blurred(face, frame.px(0.05)), 0.35)
    picture = blend(picture, face, _face(parts[2], sitter, opacity))
    return np.clip(lay_hair_in_front(parts[3], frame, around, picture), 0, 1)


def _face(rng: np.random.Generator, sitter: _Sitter, opacity: Field) -> Field:
    """Paint the face itself, lit, over the whole frame."""
    frame, shape, traits = sitter.frame, sitter.shape, sitter.traits
    parts = rng.spawn(4)
    picture = paint_face_skin(parts[0], frame, sitter.rgb)
    picture = pigment_melasma(parts[1], frame, picture, opacity, sitter.melasma)
    picture = add_nostrils(frame, add_lips(frame, picture, shape, traits))
    picture = add_brows(parts[2], frame, picture, shape, sitter.around.hair)
    picture = add_eyes(frame, picture, shape, traits)
    gloss = float(parts[3].uniform(0.02, 0.10))
    return lit(picture, relief(*frame.plan), room_light(parts[3]), frame.px(1), gloss)


def _check(seed: int, hw: tuple[int, int], fitzpatrick: int | None) -> None:
    if seed < 0:
        raise ValueError(f"cannot draw a synthetic face: the seed is {seed}, expected 0 or larger")
    if min(hw) < _SMALLEST_SIDE:
        raise ValueError(f"cannot draw a synthetic face of {hw[0]} x {hw[1]} px: each side must be at least 48 px")
    if fitzpatrick is not None and not 1 <= fitzpatrick <= 6:
        raise ValueError(f"cannot draw a synthetic face: fitzpatrick is {fitzpatrick}, expected 1 to 6")


if __name__ == "__main__":
    from skinseg_edge.datasets.face_folder import run

    run()
