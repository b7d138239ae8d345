"""Draw the picture of README.md: a synthetic lesion, the mask of the shipped model, and the outline on the photo.

python scripts/readme_picture.py BUNDLE docs/pictures/lesion.jpg
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge import metrics
from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.datasets import synthetic_lesions
from skinseg_runtime import Segmenter
from skinseg_runtime.overlay import draw

__all__ = ["readme_picture"]

SEEDS = (5, 13)  # light skin with a ruler and ink; dark skin
_HW = (480, 640)
_SHOWN_WIDTH = 420  # px of each panel
_GAP = 8  # px


def readme_picture(segmenter: Segmenter) -> tuple[NDArray[np.uint8], list[float]]:
    """Return the picture, (H, W, 3) uint8 RGB, and the Dice of each row against the mask that was drawn."""
    rows, dices = [], []
    for seed in SEEDS:
        lesion = synthetic_lesions.draw(seed, hw=_HW)
        mask = segmenter.segment(lesion.photo).mask
        dices.append(metrics.dice(mask, lesion.mask))
        white = np.where(mask, np.uint8(255), np.uint8(0))
        panels = [lesion.photo, np.repeat(white[..., None], 3, axis=2), draw(lesion.photo, mask)]
        rows.append(_joined([_shown(panel) for panel in panels], axis=1))
    return _joined(rows, axis=0), dices


def _shown(panel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = round(panel.shape[0] * _SHOWN_WIDTH / panel.shape[1])
    return np.asarray(cv2.resize(panel, (_SHOWN_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def _joined(parts: list[NDArray[np.uint8]], axis: int) -> NDArray[np.uint8]:
    gap_shape = list(parts[0].shape)
    gap_shape[axis] = _GAP
    gap = np.full(gap_shape, 255, np.uint8)
    spaced = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(spaced, axis=axis)


def main() -> None:
    """Write the picture and print its Dice figures."""
    bundle, target = Path(sys.argv[1]), Path(sys.argv[2])
    with Segmenter.open(bundle) as segmenter:
        picture, dices = readme_picture(segmenter)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(target, encoded.tobytes())
    print(f"{target}: Dice {', '.join(f'{dice:.3f}' for dice in dices)}")


if __name__ == "__main__":
    main()
