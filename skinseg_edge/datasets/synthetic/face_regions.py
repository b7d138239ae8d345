"""Which part of a drawn face is forehead, chin, left or right face; the numbers are those of the melasma data set."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.datasets.synthetic.face_frame import FaceFrame
from skinseg_edge.datasets.synthetic.face_shape import FaceShape

__all__ = ["CHIN", "FOREHEAD", "LEFT_FACE", "MELASMA", "RIGHT_FACE", "regions"]

FOREHEAD: Final = 1
MELASMA: Final = 2
CHIN: Final = 3
LEFT_FACE: Final = 4
RIGHT_FACE: Final = 5


def regions(frame: FaceFrame, shape: FaceShape, skin: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Label the open skin of a face, without melasma: (H, W), uint8; 0 where *skin*, (H, W), is False.

    The forehead ends at the brows and rounds off towards the temples; the chin begins below the lower lip; what is
    between is left or right of the midline, as the person has it.
    """
    x, y = frame.plan
    # x grows towards the person's left.
    labels = np.where(x >= 0, LEFT_FACE, RIGHT_FACE)
    temple = np.maximum(np.abs(x) - 0.42, 0) / 0.24
    labels[y < shape.brow_y + 0.01 - 0.30 * np.square(temple)] = FOREHEAD
    labels[np.square(x / 0.36) + np.square((y - 0.99) / 0.29) < 1] = CHIN
    return np.where(skin, labels, 0).astype(np.uint8)
