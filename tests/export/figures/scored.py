"""Evaluations small enough to draw in a moment: one map and six classes, on pictures of 64 px."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.contract import ModelContract
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.readers import PicturePair
from skinseg_edge.image_io import write_png
from skinseg_export.evaluation import Evaluation, evaluate
from skinseg_runtime import Segmenter

__all__ = ["ONE", "SIX", "ReadsLevels", "picture_of", "scored"]

ONE = ModelContract(input_hw=(32, 32))
SIX = ModelContract(input_hw=(32, 32), classes=MELASMA_CLASSES, lesion_classes=("HHB",))
_LEVEL = 40  # grey levels between two classes in the photos


class ReadsLevels:
    """Stands in for a network: reads the class from the grey level, and is 0.75 sure of it."""

    name = "levels"

    def __init__(self, contract: ModelContract) -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        labels = (images[:, None, :, :, 0].astype(int) + _LEVEL // 2) // _LEVEL
        if self.classes == 1:
            return np.where(labels > 0, np.float32(0.75), np.float32(0.25))
        return np.where(labels == np.arange(6)[:, None, None], np.float32(0.75), np.float32(0.05))

    def close(self) -> None:
        pass


def scored(folder: Path, contract: ModelContract) -> tuple[Segmenter, Evaluation]:
    """Score pictures that are found wholly, in part, too large and not at all."""
    blob = np.zeros((64, 64), np.uint8)
    blob[20:44, 20:44] = 2 if len(contract.classes) > 1 else 1
    if len(contract.classes) > 1:
        blob[4:12, 4:60], blob[50:60, 8:30], blob[50:60, 34:60] = 1, 4, 5
    nothing = np.zeros_like(blob)
    large = cv2.dilate(blob, np.ones((9, 9), np.uint8))
    half = blob.copy()
    half[20:32] = 0
    shown = {"whole": blob, "half": half, "large": large, "missed": nothing}
    pairs = []
    for name, levels in shown.items():
        write_png(folder / f"{name}.png", np.repeat((levels * _LEVEL)[..., None], 3, axis=2))
        write_png(folder / f"{name}_mask.png", blob if len(contract.classes) > 1 else blob * np.uint8(255))
        pairs.append(PicturePair(name, folder / f"{name}.png", folder / f"{name}_mask.png"))
    segmenter = Segmenter(contract, ReadsLevels(contract))
    return segmenter, evaluate(segmenter, pairs)


def picture_of(png: bytes) -> NDArray[np.uint8]:
    """Decode PNG bytes to (H, W, 3) uint8 RGB."""
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
