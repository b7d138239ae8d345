"""Parts of a photo at the resolution that a look needs, decoded anew only where what is at hand is too coarse."""

import math

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.image_io import decode
from skinseg_runtime.large_pictures.look import Box

__all__ = ["PhotoParts"]


class PhotoParts:
    """A photo of which parts are cut.

    *source*: the file's bytes, or (H, W, 3) uint8 RGB pixels. *pixels*: what is decoded of it already, perhaps reduced.
    *photo_hw*: rows and columns of the whole photo, px. *max_pixels*: as `image_io.decode` takes it.
    """

    def __init__(
        self,
        source: bytes | NDArray[np.uint8],
        pixels: NDArray[np.uint8],
        photo_hw: tuple[int, int],
        *,
        max_pixels: int,
    ) -> None:
        self._source = source
        self._pixels = pixels
        self._photo_hw = photo_hw
        self._max_pixels = max_pixels

    def prepare(self, box: Box, wanted_hw: tuple[int, int]) -> None:
        """See to it that *box* has at least *wanted_hw* rows and columns of pixels, where the photo has as many.

        Raises what `image_io.decode` raises.
        """
        if isinstance(self._source, np.ndarray):
            return
        box_hw = (box[2] - box[0], box[3] - box[1])
        scale = min(1.0, max(wanted / of for wanted, of in zip(wanted_hw, box_hw, strict=True)))
        rows, columns = (math.ceil(side * scale) for side in self._photo_hw)
        if self._pixels.shape[0] < rows or self._pixels.shape[1] < columns:
            self._pixels = decode(self._source, at_least_hw=(rows, columns), max_pixels=self._max_pixels).pixels

    def part(self, box: Box) -> NDArray[np.uint8]:
        """Return the pixels of *box*, (rows, columns, 3) uint8 RGB, a view, at whatever scale is at hand."""
        to_y = self._pixels.shape[0] / self._photo_hw[0]
        to_x = self._pixels.shape[1] / self._photo_hw[1]
        top, left = round(box[0] * to_y), round(box[1] * to_x)
        bottom, right = max(top + 1, round(box[2] * to_y)), max(left + 1, round(box[3] * to_x))
        return self._pixels[top:bottom, left:right]
