"""What the fake camera of a browser sees: drawn lesions, as photos and as y4m clips that numpy writes."""

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_demo.card import card_shapes, pixels_from_shapes
from skinseg_demo.strings import strings_of
from tests.demo_app.card.photographed_card import photograph
from tests.runtime.tiny_bundle import LESION, SKIN

__all__ = ["DISC_MM", "Scene", "drawn", "jpeg", "write_clip"]

Scene = Literal["sharp", "blurred", "off-centre", "none", "cut", "two", "dark", "glare", "tilted-card"]

_FRAMES = 4
_BLUR_PX = 9.0
_IN_THE_DARK = 0.45  # of the light; the skin's grey level is then 83
_TILT_DEGREES = 25.0
DISC_MM = 12.0  # diameter of the lesion in the tilted card's window


def drawn(scene: Scene, hw: tuple[int, int] = (480, 640)) -> NDArray[np.uint8]:
    """Draw dark ellipses on skin with some grain, or a disc in a card's window: (rows, columns, 3) uint8 RGB."""
    if scene == "tilted-card":
        return _tilted_card(hw)
    rows, columns = hw
    mask = np.zeros(hw, np.uint8)
    for x, y in _middles(scene):
        centre, axes = (round(columns * x), round(rows * y)), (round(rows * 0.2), round(rows * 0.15))
        cv2.ellipse(mask, centre, axes, 25, 0, 360, 1, -1)
    photo = np.where(mask[:, :, None] == 1, LESION, SKIN).astype(np.float32)
    grain = np.random.default_rng(8).normal(0, 9, (rows, columns, 1))
    pixels = np.clip((photo + grain) * (_IN_THE_DARK if scene == "dark" else 1), 0, 255).astype(np.uint8)
    if scene == "glare":
        cv2.circle(pixels, (round(columns * 0.5), round(rows * 0.27)), round(rows * 0.05), (255, 255, 255), -1)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _BLUR_PX), np.uint8) if scene == "blurred" else pixels


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a photo."""
    return np.asarray(cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]).tobytes()


def write_clip(path: Path, scene: Scene) -> Path:
    """Write a still clip in YUV 4:2:0; colours come back shifted, so a test may hold on to shapes alone.

    A clip that is there is replaced, not changed: a camera that reads it goes on undisturbed.
    """
    pixels = drawn(scene, (960, 1280) if scene == "tilted-card" else (480, 640))
    rows, columns = pixels.shape[:2]
    planes = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420)).tobytes()
    head = f"YUV4MPEG2 W{columns} H{rows} F20:1 Ip A1:1 C420jpeg\n".encode()
    new = path.with_suffix(".new")
    new.write_bytes(head + (b"FRAME\n" + planes) * _FRAMES)
    return new.replace(path).resolve()


def _tilted_card(hw: tuple[int, int]) -> NDArray[np.uint8]:
    card = pixels_from_shapes(card_shapes(3, strings_of("en").__getitem__), 12)
    shot = photograph(card, _TILT_DEGREES, diameter_mm=DISC_MM, lesion=LESION)
    return np.asarray(cv2.resize(shot.photo, hw[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _middles(scene: Scene) -> list[tuple[float, float]]:
    places: dict[Scene, list[tuple[float, float]]] = {
        "off-centre": [(0.84, 0.75)],
        "none": [],
        "cut": [(0.04, 0.5)],
        "two": [(0.345, 0.5), (0.655, 0.5)],
    }
    return places.get(scene, [(0.5, 0.5)])
