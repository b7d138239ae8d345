"""What the fake camera of a browser sees: drawn lesions, as photos and as y4m clips that numpy writes."""

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.runtime.tiny_bundle import LESION, SKIN

__all__ = ["Scene", "drawn", "jpeg", "write_clip"]

Scene = Literal["sharp", "blurred", "off-centre", "none", "cut", "two"]

_FRAMES = 4
_BLUR_PX = 9.0


def drawn(scene: Scene, hw: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """Draw dark ellipses on skin with some grain: (rows, columns, 3) uint8 RGB."""
    rows, columns = hw
    mask = np.zeros(hw, np.uint8)
    for x, y in _middles(scene):
        centre, axes = (round(columns * x), round(rows * y)), (round(rows * 0.2), round(rows * 0.15))
        cv2.ellipse(mask, centre, axes, 25, 0, 360, 1, -1)
    photo = np.where(mask[:, :, None] == 1, LESION, SKIN).astype(np.float32)
    grain = np.random.default_rng(8).normal(0, 9, (rows, columns, 1))
    pixels = np.clip(photo + grain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _BLUR_PX), np.uint8) if scene == "blurred" else pixels


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a photo."""
    return np.asarray(cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]).tobytes()


def write_clip(path: Path, scene: Scene) -> Path:
    """Write a still clip in YUV 4:2:0; colours come back shifted, so a test may hold on to shapes alone."""
    pixels = drawn(scene)
    rows, columns = pixels.shape[:2]
    planes = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420)).tobytes()
    head = f"YUV4MPEG2 W{columns} H{rows} F20:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + (b"FRAME\n" + planes) * _FRAMES)
    return path.resolve()


def _middles(scene: Scene) -> list[tuple[float, float]]:
    places: dict[Scene, list[tuple[float, float]]] = {
        "off-centre": [(0.84, 0.75)],
        "none": [],
        "cut": [(0.04, 0.5)],
        "two": [(0.27, 0.4), (0.73, 0.6)],
    }
    return places.get(scene, [(0.5, 0.5)])
