"""Drawn pictures to try the box with: the same ones each time, none of a person."""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card.drawing import card_shapes
from skinseg_demo.card.layout import WINDOW
from skinseg_demo.card.pixels import pixels_from_shapes
from skinseg_demo.strings import REFERENCE, strings_of
from skinseg_edge.datasets.synthetic_lesions import Scene, draw

__all__ = ["DRAWN", "DrawnPicture", "drawn_jpeg", "drawn_named"]

_HW = (750, 1000)
_PER_MM = 14  # px of a photo with the card: a phone from some 15 cm
_MARGIN_MM = 10.0  # of skin around the card
_SEEN_MM = 104.0  # of the card, from above: what lies below the markers is not in the picture
_CARD = 1
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class DrawnPicture:
    """What is drawn. *name*: for addresses and words. *seed*, *scene*: as of `synthetic_lesions.draw`.

    *has_card*: the lesion lies in the window of a printed card. *blur*: px. *cut*: share of the picture's left side
    that is cut off.
    """

    name: str
    seed: int
    scene: Scene
    has_card: bool = False
    blur: float = 0.0
    cut: float = 0.0

    def grown(self, factor: float) -> "DrawnPicture":
        """Return the same lesion with *factor* times the area, as it may look at a later visit."""
        return replace(self, scene=replace(self.scene, area_fraction=self.scene.area_fraction * factor))


_PLAIN = Scene(area_fraction=0.08, camera="phone", border_softness=0.2)

DRAWN = (
    DrawnPicture("card", 21, replace(_PLAIN, area_fraction=0.12), has_card=True),
    DrawnPicture("plain", 5, _PLAIN),
    DrawnPicture("dark_skin", 11, replace(_PLAIN, fitzpatrick=6, pigments=("dark-brown", "black"))),
    DrawnPicture("two", 8, replace(_PLAIN, lesions=2, area_fraction=0.12)),
    DrawnPicture("hair", 14, replace(_PLAIN, hairs=40)),
    DrawnPicture("none", 17, replace(_PLAIN, lesions=0)),
    DrawnPicture("cut", 5, replace(_PLAIN, area_fraction=0.15), cut=0.5),
    DrawnPicture("blurred", 21, _PLAIN, blur=9.0),
)
"""What a person may choose from, the most telling first."""


def drawn_named(name: str) -> DrawnPicture | None:
    """Return the drawn picture of a name, None if there is none."""
    return next((drawn for drawn in DRAWN if drawn.name == name), None)


@lru_cache(maxsize=2 * len(DRAWN))
def drawn_jpeg(drawn: DrawnPicture) -> bytes:
    """Draw it, in under a second; the second time it is there already."""
    photo = _with_card(drawn) if drawn.has_card else draw(drawn.seed, _HW, drawn.scene).photo
    photo = photo[:, round(drawn.cut * photo.shape[1]) :]
    if drawn.blur:
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), drawn.blur), np.uint8)
    pixels = cv2.cvtColor(photo, cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert is_encoded  # pixels in memory always are
    return data.tobytes()


def _with_card(drawn: DrawnPicture) -> NDArray[np.uint8]:
    """Draw skin, on it the card, and the lesion in the card's window."""
    card = pixels_from_shapes(card_shapes(_CARD, strings_of(REFERENCE).__getitem__), _PER_MM)
    left, top, width, height = (round(side * _PER_MM) for side in WINDOW)
    card[top : top + height, left : left + width] = draw(drawn.seed, (height, width), drawn.scene).photo
    card = card[: round(_SEEN_MM * _PER_MM)]
    margin = round(_MARGIN_MM * _PER_MM)
    rows, columns = len(card) + margin, card.shape[1] + 2 * margin
    bare = draw(drawn.seed, (rows // 4, columns // 4), replace(drawn.scene, lesions=0)).photo
    photo = np.asarray(cv2.resize(bare, (columns, rows), interpolation=cv2.INTER_CUBIC), np.uint8)
    photo[margin:, margin : margin + card.shape[1]] = _printed(card)
    return photo


def _printed(card: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the card as paper under a lamp: not quite white, not quite black."""
    return np.asarray(np.rint(card * (225 / 255) + 18), np.uint8)
