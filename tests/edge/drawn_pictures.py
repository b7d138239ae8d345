"""Pictures that the tests of decoding draw and save."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["SKIN", "plain", "saved", "smooth_photo"]

SKIN = (200, 120, 90)


def saved(image: Image.Image, picture_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, picture_format, **options)
    return out.getvalue()


def plain(mode: str, colour: int | tuple[int, ...], **options: object) -> bytes:
    return saved(Image.new(mode, (12, 8), colour), str(options.pop("picture_format", "PNG")), **options)


def smooth_photo(rows: int, columns: int) -> NDArray[np.uint8]:
    """A skin-coloured gradient with a dark ellipse off its centre, so that no two turns of it look alike."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    shade = 0.7 + 0.3 * x / columns - 0.2 * y / rows
    ellipse = ((x - 0.35 * columns) / (0.2 * columns)) ** 2 + ((y - 0.6 * rows) / (0.15 * rows)) ** 2
    shade *= 1 - 0.6 * np.clip((1.15 - ellipse) / 0.3, 0, 1)
    photo: NDArray[np.uint8] = np.clip(shade[:, :, None] * np.array(SKIN, np.float32), 0, 255).astype(np.uint8)
    return photo
