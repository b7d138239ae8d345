"""Synthetic pictures of skin lesions with their exact masks: for tests, golden cases and samples, not for medicine.

The same seed, size and scene give the same bytes on one machine with one version of numpy and OpenCV.

>>> drawn = draw(7, (96, 128), Scene(fitzpatrick=4, area_fraction=0.2))
>>> drawn.photo.shape, drawn.mask.dtype, round(float(drawn.mask.mean()), 1)
((96, 128, 3), dtype('bool'), 0.2)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.artefacts import add_bubbles, add_ink, add_ruler, add_sticker
from skinseg_edge.datasets.synthetic.camera import add_glare, develop, ring_opening
from skinseg_edge.datasets.synthetic.hair import lay_hair
from skinseg_edge.datasets.synthetic.pigment import pigment_lesions
from skinseg_edge.datasets.synthetic.scene import Scene, plausible_scene
from skinseg_edge.datasets.synthetic.shape import place_lesions
from skinseg_edge.datasets.synthetic.skin import ita_degrees, paint_skin, skin_lab

__all__ = ["Scene", "SyntheticLesion", "draw"]

_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class SyntheticLesion:
    """A drawn picture.

    *photo*: (H, W, 3), uint8, RGB. *mask*: (H, W), bool, True = lesion: where the border has more than half its
    contrast, also below hair, bubbles and glare, but not behind the dermoscope's ring. *scene*: what was drawn.
    *ita_degrees*: individual typology angle of the skin before light and camera, degrees. *seed*: as given.
    """

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    scene: Scene
    ita_degrees: float
    seed: int

    @property
    def fitzpatrick(self) -> int:
        """Skin type, 1 (very light) to 6 (very dark)."""
        return self.scene.fitzpatrick


def draw(seed: int, hw: tuple[int, int] = (480, 640), scene: Scene | None = None) -> SyntheticLesion:
    """Draw one picture and its mask.

    *seed*: 0 or larger. *hw*: rows and columns, px, each at least 32. *scene*: what to show; without one the seed
    chooses a plausible scene. Each part has its own chance, so the same seed with more hair has the same lesion.

    Raises ValueError if seed < 0 or a side of hw < 32.
    """
    if seed < 0:
        raise ValueError(f"cannot draw a synthetic lesion: the seed is {seed}, expected 0 or larger")
    if min(hw) < _SMALLEST_SIDE:
        raise ValueError(f"cannot draw a synthetic lesion of {hw[0]} x {hw[1]} px: each side must be at least 32 px")
    parts = [np.random.default_rng([seed, part]) for part in range(10)]
    scene = scene or plausible_scene(parts[0])
    lab = skin_lab(parts[1], scene.fitzpatrick)
    shape = place_lesions(parts[2], hw, scene)
    picture = paint_skin(parts[3], hw, scene, lab)
    picture = pigment_lesions(parts[4], picture, shape, scene)
    picture = add_ink(parts[5], picture, scene, shape)
    picture = lay_hair(parts[6], picture, scene)
    picture = add_ruler(parts[7], add_sticker(parts[7], picture, scene), scene)
    picture = add_glare(parts[8], add_bubbles(parts[8], picture, scene), scene)
    opening = ring_opening(parts[9], hw, scene)
    photo = develop(parts[9], picture, opening, scene)
    return SyntheticLesion(photo, shape.mask & (opening >= 0.5), scene, ita_degrees(lab), seed)
