"""How a photo becomes a network's input: the one resize, used by training, export and the runtime.

Coordinates: (x, y) in px, pixel centres at integers, origin top left. A photo is H x W x 3 RGB uint8 with its EXIF
orientation applied. Normalisation is not here: it lives inside the deployed graph.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bilinear import BilinearResize, Decision, Exact, Sampler
from skinseg_edge.contract import ModelContract

__all__ = [
    "NetworkInput",
    "Placement",
    "place",
    "resize_mask",
    "resize_pixels",
    "to_network_input",
    "to_network_labels",
    "to_network_mask",
]

_Value = TypeVar("_Value", np.float32, np.bool_)


@dataclass(frozen=True)
class Placement:
    """Where a photo lies in the network's input.

    *photo_hw*: rows and columns of the whole photo, px. *input_hw*: of the network's input, px.
    *photo_box*: the part of the photo that the network sees, as (top, left, bottom, right), px, end-exclusive;
    only `crop` leaves something out. *input_box*: the part of the input that it fills, likewise; only `letterbox`
    leaves a border.
    """

    photo_hw: tuple[int, int]
    input_hw: tuple[int, int]
    photo_box: tuple[int, int, int, int]
    input_box: tuple[int, int, int, int]

    @property
    def covered_hw(self) -> tuple[int, int]:
        """Rows and columns of the input that hold photo, px."""
        top, left, bottom, right = self.input_box
        return bottom - top, right - left

    def to_photo(self, network_map: NDArray[np.float32]) -> NDArray[np.float32]:
        """Carry a map from network size back to photo size.

        *network_map*: (input rows, input columns), float32, any range. Returns (photo rows, photo columns), float32:
        bilinear inside the photo box, 0 where the network saw nothing.

        Raises ValueError if network_map.shape != input_hw.
        """
        if network_map.shape != self.input_hw:
            raise ValueError(f"the map is {network_map.shape}, the network's input is {self.input_hw}")
        return self._laid_in_photo(self._to_photo_box.whole(self._covered(network_map)))

    def decided(self, yes: NDArray[np.bool_], no: NDArray[np.bool_], exact: Exact) -> Decision:
        """Decide every pixel of the photo as `exact(self.to_photo)` would, bit by bit, where the network saw it.

        *yes*, *no*: (input rows, input columns) bool, the cells all of whose pixels are known, from `corners_above`.
        *exact*: asked for the other cells' pixels; its maps are (input rows, input columns) float32 within -1 and 1.
        What the network did not see is False. The mask is (photo rows, photo columns), the box in photo px.
        """

        def within(sample: Sampler) -> NDArray[np.bool_]:
            return exact(lambda network_map: sample(self._covered(network_map)))

        resize = self._to_photo_box
        mask, (top, left, bottom, right) = resize.decided(self._covered(yes), self._covered(no), within)
        p_top, p_left = self.photo_box[:2]
        return Decision(self._laid_in_photo(mask), (top + p_top, left + p_left, bottom + p_top, right + p_left))

    @property
    def _to_photo_box(self) -> BilinearResize:
        top, left, bottom, right = self.photo_box
        return BilinearResize(self.covered_hw, (bottom - top, right - left))

    def _covered(self, network_map: NDArray[_Value]) -> NDArray[_Value]:
        top, left, bottom, right = self.input_box
        return network_map[top:bottom, left:right]

    def _laid_in_photo(self, seen: NDArray[_Value]) -> NDArray[_Value]:
        if seen.shape == self.photo_hw:
            return seen
        whole = np.zeros(self.photo_hw, seen.dtype)
        top, left, bottom, right = self.photo_box
        whole[top:bottom, left:right] = seen
        return whole


@dataclass(frozen=True)
class NetworkInput:
    """*pixels*: (input rows, input columns, 3) uint8 RGB, C-contiguous, for the graph; *placement*: the way back."""

    pixels: NDArray[np.uint8]
    placement: Placement


def place(photo_hw: tuple[int, int], contract: ModelContract) -> Placement:
    """Say where a photo of *photo_hw* (rows, columns; px) lies in the input of *contract*."""
    rows, columns = photo_hw
    in_rows, in_columns = contract.input_hw
    photo_box = (0, 0, rows, columns)
    input_box = (0, 0, in_rows, in_columns)
    if contract.resize == "letterbox":
        scale = min(in_rows / rows, in_columns / columns)
        height = min(in_rows, max(1, round(rows * scale)))
        width = min(in_columns, max(1, round(columns * scale)))
        top, left = (in_rows - height) // 2, (in_columns - width) // 2
        input_box = (top, left, top + height, left + width)
    elif contract.resize == "crop":
        scale = max(in_rows / rows, in_columns / columns)
        height = min(rows, max(1, round(in_rows / scale)))
        width = min(columns, max(1, round(in_columns / scale)))
        top, left = (rows - height) // 2, (columns - width) // 2
        photo_box = (top, left, top + height, left + width)
    return Placement(photo_hw, contract.input_hw, photo_box, input_box)


def to_network_input(
    pixels: NDArray[np.uint8], contract: ModelContract, *, photo_hw: tuple[int, int] | None = None
) -> NetworkInput:
    """Resize a photo as *contract* says.

    *pixels*: (rows, columns, 3) uint8 RGB, the photo itself or a reduced decoding of it. *photo_hw*: rows and columns
    of the whole photo when *pixels* is a reduced one; the placement is in its coordinates.

    Raises ValueError if pixels is not an H x W x 3 uint8 array or has no pixel.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"a photo is (H, W, 3) uint8 with H, W > 0; got {pixels.shape} {pixels.dtype}")
    whole_hw = photo_hw or (pixels.shape[0], pixels.shape[1])
    placement = place(whole_hw, contract)
    return NetworkInput(_laid(pixels, placement, contract.pad_value), placement)


def to_network_mask(mask: NDArray[np.bool_], contract: ModelContract) -> NDArray[np.uint8]:
    """Bring a photo's mask to where `to_network_input` brings its photo.

    *mask*: (rows, columns) bool at photo size. Returns (input rows, input columns) uint8, 255 = lesion, with soft edges
    where the resize averages; letterbox borders are 0.
    """
    placement = place((mask.shape[0], mask.shape[1]), contract)
    levels = np.where(mask, np.uint8(255), np.uint8(0))
    return _laid(levels, placement, 0)


def to_network_labels(labels: NDArray[np.uint8], contract: ModelContract) -> NDArray[np.uint8]:
    """Bring a photo's class map to where `to_network_input` brings its photo.

    *labels*: (rows, columns) uint8 class numbers at photo size. Returns (input rows, input columns) uint8,
    C-contiguous: each pixel takes the class under its centre, and letterbox borders are class 0.

    Raises ValueError if labels is not an H x W uint8 array or has no pixel.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8 or labels.size == 0:
        raise ValueError(f"a class map is (H, W) uint8 with H, W > 0; got {labels.shape} {labels.dtype}")
    placement = place((labels.shape[0], labels.shape[1]), contract)
    seen = _seen_part(labels, placement)
    rows, columns = (_under_centres(of, to) for of, to in zip(seen.shape, placement.covered_hw, strict=True))
    canvas = np.zeros(placement.input_hw, np.uint8)
    top, left, bottom, right = placement.input_box
    canvas[top:bottom, left:right] = seen[rows[:, None], columns]
    return canvas


def resize_pixels(pixels: NDArray[np.uint8], hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize to *hw* (rows, columns; px): area average along an axis that shrinks, bilinear along one that grows.

    *pixels*: (H, W, 3) or (H, W) uint8. Without the average, a 12-megapixel photo would be sampled at one pixel in two
    hundred, and hair or sensor noise would decide the mask.
    """
    rows, columns = hw
    shrunk_hw = (min(rows, pixels.shape[0]), min(columns, pixels.shape[1]))
    if pixels.shape[:2] != shrunk_hw:
        # An axis that grows is left for the second step: asked for both at once, OpenCV averages neither.
        pixels = _resized(pixels, shrunk_hw, cv2.INTER_AREA)
    return pixels if shrunk_hw == hw else _resized(pixels, hw, cv2.INTER_LINEAR)


def resize_mask(mask: NDArray[np.bool_], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Bring a mask, (H, W) bool, to *hw* (rows, columns; px): a pixel is in it where half of what it covers is."""
    return np.asarray(resize_pixels(np.where(mask, np.uint8(255), np.uint8(0)), hw) >= 128)


def _resized(pixels: NDArray[np.uint8], hw: tuple[int, int], interpolation: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, (hw[1], hw[0]), interpolation=interpolation), dtype=np.uint8)


def _under_centres(of: int, to: int) -> NDArray[np.intp]:
    """Return which of *of* pixels lies under the centre of each of *to*, in whole numbers so that no rounding tilts."""
    # OpenCV's INTER_NEAREST takes the pixel under the corner, half a pixel away from where the photo goes.
    return (2 * np.arange(to, dtype=np.intp) + 1) * of // (2 * to)


def _laid(pixels: NDArray[np.uint8], placement: Placement, border: int) -> NDArray[np.uint8]:
    """Return the part that the network sees, resized and, where it leaves a border, surrounded by that level."""
    resized = resize_pixels(_seen_part(pixels, placement), placement.covered_hw)
    if placement.covered_hw == placement.input_hw:
        return np.ascontiguousarray(resized)  # a crop without resizing is a window
    canvas = np.full((*placement.input_hw, *pixels.shape[2:]), border, np.uint8)
    top, left, bottom, right = placement.input_box
    canvas[top:bottom, left:right] = resized
    return canvas


def _seen_part(pixels: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    scale_y = pixels.shape[0] / placement.photo_hw[0]
    scale_x = pixels.shape[1] / placement.photo_hw[1]
    top, left, bottom, right = placement.photo_box
    first_row, first_column = round(top * scale_y), round(left * scale_x)
    last_row = max(first_row + 1, round(bottom * scale_y))
    last_column = max(first_column + 1, round(right * scale_x))
    return pixels[first_row:last_row, first_column:last_column]
