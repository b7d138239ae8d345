"""One picture of an evaluation at the size of a tile: the photo, what was drawn, what was found."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.class_colours import class_colours
from skinseg_edge.contract import ModelContract
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import resize_mask, resize_pixels
from skinseg_export.evaluation import PictureScore
from skinseg_export.figures.palette import FOUND, TRUTH, Rgb
from skinseg_export.figures.sheet import tile_hw
from skinseg_export.truth import read_truth
from skinseg_runtime import Segmenter
from skinseg_runtime.overlay import draw

__all__ = ["Case", "case_of", "outlined", "tinted"]

_TINT = 0.62  # how much of a class's colour lies over the photo


@dataclass(frozen=True, eq=False)
class Case:
    """A scored picture as it is shown.

    *photo*: (h, w, 3) uint8 RGB. *truth*, *found*: (h, w) uint8 classes; of a single map 0 and 1. *truth_lesion*,
    *found_lesion*: (h, w) bool.
    """

    score: PictureScore
    photo: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    found: NDArray[np.uint8]
    truth_lesion: NDArray[np.bool_]
    found_lesion: NDArray[np.bool_]


def case_of(segmenter: Segmenter, score: PictureScore, side: int, data_classes: Sequence[str] | None = None) -> Case:
    """Segment the picture of *score* once more and scale all of it so that its longer side is *side* px.

    *data_classes*: as for `evaluate`.
    """
    contract = segmenter.contract
    photo = decode(score.pair.picture).pixels
    hw = tile_hw(photo.shape[:2], side)
    truth = read_truth(score.pair, contract, data_classes)
    result = segmenter.segment(score.pair.picture)
    return Case(
        score,
        resize_pixels(photo, hw),
        _nearest(truth, hw),
        _nearest(result.class_map, hw),
        resize_mask(np.isin(truth, contract.lesion_labels), hw),
        resize_mask(result.mask, hw),
    )


def outlined(case: Case) -> NDArray[np.uint8]:
    """Return the photo with both outlines of the lesion: what was drawn in amber, what was found in turquoise."""
    return draw(draw(case.photo, case.truth_lesion, light=TRUTH), case.found_lesion, light=FOUND)


def tinted(
    photo: NDArray[np.uint8], labels: NDArray[np.uint8], contract: ModelContract, lesion: Rgb
) -> NDArray[np.uint8]:
    """Return *photo* with its classes in their colours, or the one class of a single map in the colour *lesion*."""
    table = np.array([(0, 0, 0), lesion], np.uint8) if contract.is_binary else class_colours(len(contract.classes))
    painted = table[labels]
    mixed = cv2.addWeighted(photo, 1 - _TINT, painted, _TINT, 0)
    return np.where((labels == 0)[:, :, None], photo, mixed).astype(np.uint8)


def _nearest(labels: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(labels, hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
