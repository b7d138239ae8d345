"""Draw the picture of the six-class path: drawn faces, their label maps, and what a trained network finds.

python scripts/melasma_picture.py MODEL docs/pictures/melasma.jpg prints Dice a class; MODEL is the checkpoint of
scripts/train_on_faces.py or a bundle made of it. No face is one that it learnt from, and none is anybody's.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge import load_checkpoint
from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.class_colours import class_colours
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.synthetic_faces import draw_face
from skinseg_export.torch_engine import TorchEngine
from skinseg_runtime import Segmenter

__all__ = ["melasma_picture"]

SEEDS = (1047, 1035, 1012)  # light, brown and dark skin; training faces count up from 0
_DRAWN, _SHOWN, _GAP, _HEADING = 384, 288, 8, 30  # px
_TINT = 0.62
_HEADINGS = ("drawn face", "drawn labels", "found by the network")
_MEANINGS = ("", "ET forehead", "HHB melasma", "XB chin", "LF left face", "RF right face")
_FONT, _INK = cv2.FONT_HERSHEY_DUPLEX, (40, 40, 40)


def melasma_picture(
    segmenter: Segmenter, seeds: Sequence[int] = SEEDS
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the picture, (H, W, 3) uint8 RGB, and Dice a class over all its faces, (6,)."""
    rows, counts = [], np.zeros((3, len(MELASMA_CLASSES)))
    for seed in seeds:
        face = draw_face(seed, (_DRAWN, _DRAWN))
        found = segmenter.segment(face.photo).class_map
        for number in range(len(MELASMA_CLASSES)):
            drawn_here, found_here = face.labels == number, found == number
            counts[:, number] += (drawn_here & found_here).sum(), drawn_here.sum(), found_here.sum()
        panels = (face.photo, _tinted(face.photo, face.labels), _tinted(face.photo, found))
        rows.append(_beside([_shrunk(panel) for panel in panels]))
    width = rows[0].shape[1]
    page = [_line(width, [(column * (_SHOWN + _GAP), text, None) for column, text in enumerate(_HEADINGS)])]
    for row in rows:
        page += [row, np.full((_GAP, width, 3), 255, np.uint8)]
    return np.concatenate([*page, _legend(width)]), 2 * counts[0] / (counts[1] + counts[2])


def _tinted(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay the classes' colours over a greyed photo; background stays grey."""
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.float32)
    colours = class_colours(len(MELASMA_CLASSES))[labels].astype(np.float32)
    cover = np.where(labels > 0, np.float32(_TINT), np.float32(0))[..., None]
    light = grey * np.float32(0.7) + np.float32(60)
    return np.asarray(np.rint(light * (1 - cover) + colours * cover), np.uint8)


def _shrunk(panel: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(panel, (_SHOWN, _SHOWN), interpolation=cv2.INTER_AREA), np.uint8)


def _beside(panels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((_SHOWN, _GAP, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)


def _legend(width: int) -> NDArray[np.uint8]:
    colours = class_colours(len(MELASMA_CLASSES))
    step = width / (len(_MEANINGS) - 1)
    return _line(
        width, [(round(step * (number - 1)), _MEANINGS[number], colours[number]) for number in range(1, len(_MEANINGS))]
    )


def _line(width: int, entries: Sequence[tuple[int, str, NDArray[np.uint8] | None]]) -> NDArray[np.uint8]:
    """Write (x, text, colour of a swatch) on a strip of white paper."""
    strip = np.full((_HEADING, width, 3), 255, np.uint8)
    for x, text, colour in entries:
        if colour is not None:
            strip[8:22, x : x + 14] = colour
            x += 21
        cv2.putText(strip, text, (x, 20), _FONT, 0.5, _INK, 1, cv2.LINE_AA)
    return strip


def _segmenter(model: Path) -> Segmenter:
    if model.is_dir():
        return Segmenter.open(model)
    checkpoint = load_checkpoint(model)
    return Segmenter(checkpoint.contract, TorchEngine(checkpoint.network, checkpoint.contract))


def main() -> None:
    """Write the picture and print Dice a class."""
    model, target = Path(sys.argv[1]), Path(sys.argv[2])
    with _segmenter(model) as segmenter:
        picture, dices = melasma_picture(segmenter)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    write_bytes_atomically(target, encoded.tobytes())
    named = zip(MELASMA_CLASSES, dices, strict=True)
    print(f"{target}: Dice {', '.join(f'{name} {dice:.3f}' for name, dice in named)}")


if __name__ == "__main__":
    main()
