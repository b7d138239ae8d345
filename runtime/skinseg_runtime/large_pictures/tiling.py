"""Overlapping tiles: how many, where, and how what they say is joined with the look at the whole photo.

A network that learnt whole lesions is misled by a patch of plain skin or of pure lesion: tiles alone took the mean Dice
of the full-size photos from 0.933 to 0.524. So the whole look decides where a lesion is, and tiles speak only about
what lies within a few of its pixels beside the outline, where both have to agree: the geometric mean of both.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.large_pictures.first_look import Found
from skinseg_runtime.large_pictures.look import Box

__all__ = ["Grid", "Tile", "grid_for", "joined", "nearness", "tile_weight"]

ROOM = 2.5
"""Side of a tile over the lesions' box, at least, as far as the limits below allow."""

_MOST = 4  # tiles along a side, end to end: with half overlap 49 in all
_MOST_VALUES = 32_000_000  # of the joined map, classes included: 128 MB
_NEAR = 4.0  # px of the network: half as far tiles count in full, then less and less
_WEAK = 0.2  # probability: around what the whole look held for possible, tiles are asked too
_LEAST_WEIGHT = 1e-3  # at a tile's border, where no other tile may reach


@dataclass(frozen=True)
class Tile:
    """*photo_box*: what it shows, px of the photo; *map_box*: its place in the joined map, px; both end-exclusive."""

    photo_box: Box
    map_box: Box


@dataclass(frozen=True)
class Grid:
    """*count*: tiles end to end along each side; *tile_hw*: rows and columns of a tile's map, px."""

    count: int
    tile_hw: tuple[int, int]

    @property
    def map_hw(self) -> tuple[int, int]:
        """Rows and columns of the joined map, px."""
        return self.count * self.tile_hw[0], self.count * self.tile_hw[1]

    def tiles(self, photo_box: Box) -> list[Tile]:
        """Return (2 count - 1) squared tiles of *photo_box*, each half over the next."""
        steps = range(2 * self.count - 1)
        return [self._tile(photo_box, row, column) for row in steps for column in steps]

    def _tile(self, photo_box: Box, row: int, column: int) -> Tile:
        rows, columns = self.tile_hw
        top, left = row * rows // 2, column * columns // 2
        first_y, first_x, last_y, last_x = photo_box
        y = [first_y + round(place * (last_y - first_y) / self.map_hw[0]) for place in (top, top + rows)]
        x = [first_x + round(place * (last_x - first_x) / self.map_hw[1]) for place in (left, left + columns)]
        return Tile((y[0], x[0], y[1], x[1]), (top, left, top + rows, left + columns))


def grid_for(found: Found | None, photo_box: Box, covered_hw: tuple[int, int], classes: int) -> Grid | str:
    """Return how to tile *photo_box*, what the network saw of the photo; or in a sentence why it is not tiled.

    *covered_hw*: rows and columns of the network's input that hold photo. A tile has at least as many px of the photo
    as the network takes, and shows the lesions whole where they are small.
    """
    top, left, bottom, right = photo_box
    rows, columns = bottom - top, right - left
    by_pixels = min(rows // covered_hw[0], columns // covered_hw[1])
    if by_pixels < 2:
        return (
            f"the photo shows {rows} x {columns} px to a network of {covered_hw[0]} x {covered_hw[1]}; tiles need "
            "twice as many on each side"
        )
    fills = 1.0 if found is None else max(found.hw[0] / rows, found.hw[1] / columns)
    count = min(max(2, int(1 / (ROOM * fills))), by_pixels, _MOST)
    while count > 1 and classes * count**2 * covered_hw[0] * covered_hw[1] > _MOST_VALUES:
        count -= 1
    if count < 2:
        return f"the joined map of {classes} classes would take too much memory"
    return Grid(count, covered_hw)


def nearness(lesion: NDArray[np.bool_], lesion_probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Say how much tiles count: 1 beside the outline of the whole look, falling to 0 some px of the network away.

    *lesion*, *lesion_probability*: (rows, columns) of the whole look. Returns (rows, columns) float32 in [0, 1].
    """
    border = np.zeros(lesion.shape, np.uint8)
    for possible in (lesion, lesion_probability >= _WEAK):
        edge = cv2.morphologyEx(possible.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        border |= np.asarray(edge, np.uint8)
    if not border.any():
        return np.zeros(lesion.shape, np.float32)
    away = cv2.distanceTransform(1 - border, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.clip(2 - 2 * away / _NEAR, 0, 1).astype(np.float32)


def tile_weight(tile_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return how much each pixel of a tile counts beside the tiles over it: most in its middle; (rows, columns)."""
    along = [np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in tile_hw]
    return (np.outer(*along) + _LEAST_WEIGHT).astype(np.float32)


def joined(whole: NDArray[np.float32], tiles: NDArray[np.float32], near: NDArray[np.float32]) -> NDArray[np.float32]:
    """Join what the whole look and the tiles say: their geometric mean as far as *near* is 1, the whole look elsewhere.

    *whole*, *tiles*: (K, rows, columns) float32 in [0, 1]; *near*: (rows, columns) in [0, 1]. Of several classes the
    means are scaled to a sum of 1.
    """
    both = np.sqrt(whole * tiles)
    if len(both) > 1:
        both /= np.maximum(both.sum(axis=0), np.finfo(np.float32).tiny)
    return np.asarray(whole + near * (both - whole), np.float32)
