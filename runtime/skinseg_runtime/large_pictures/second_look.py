"""From the look at the whole photo to a second one, closer or in tiles; the first stays where the second is no better.

The second look's map takes the place of the first's, with a placement that says which part of the photo it shows, so
whatever is made of a Segmentation is made of it in the same way.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.preprocessing import Placement, to_network_input
from skinseg_runtime.engines import Engine
from skinseg_runtime.large_pictures.closer import crop_around, mixed_with_first
from skinseg_runtime.large_pictures.first_look import covered_part, found_in
from skinseg_runtime.large_pictures.look import Box, Look
from skinseg_runtime.large_pictures.photo_parts import PhotoParts
from skinseg_runtime.large_pictures.tiling import Grid, Tile, grid_for, joined, nearness, tile_weight
from skinseg_runtime.postprocessing import lesion_map, mask_from_probability
from skinseg_runtime.segmentation import Segmentation

__all__ = ["looked_again"]


def looked_again(first: Segmentation, photo: PhotoParts, engine: Engine, asked: str) -> Segmentation:
    """Return *first*, or what a second look at the same photo gave; `look` of it says which.

    *asked*: "closer" or "tiles". Raises what the engine and `image_io.decode` raise.
    """
    looks = _Looks(first, photo, engine)
    return _closer(looks) if asked == "closer" else _tiled(looks)


class _Looks:
    """Looks at parts of one photo, with their time added to the first look's."""

    def __init__(self, first: Segmentation, photo: PhotoParts, engine: Engine) -> None:
        self.first = first
        self.photo = photo
        self._engine = engine
        self._seconds = dict.fromkeys(first.steps_ms, 0.0)

    def prepare(self, box: Box, wanted_hw: tuple[int, int]) -> None:
        started = time.perf_counter()
        self.photo.prepare(box, wanted_hw)
        self._seconds["decode"] += time.perf_counter() - started

    def at(self, box: Box) -> tuple[NDArray[np.float32], Placement]:
        """Look at *box*: (K, input rows, input columns) float32, and its placement in the whole photo."""
        started = time.perf_counter()
        top, left, bottom, right = box
        seen = to_network_input(self.photo.part(box), self.first.contract, photo_hw=(bottom - top, right - left))
        images = np.ascontiguousarray(seen.pixels)[None]
        preprocessed = time.perf_counter()
        probability = self._engine.infer(images)[0]  # (1, K, H, W) -> (K, H, W)
        self._seconds["preprocess"] += preprocessed - started
        self._seconds["inference"] += time.perf_counter() - preprocessed
        of = seen.placement.photo_box
        photo_box = (of[0] + top, of[1] + left, of[2] + top, of[3] + left)
        return probability, replace(seen.placement, photo_hw=self.first.photo_hw, photo_box=photo_box)

    @property
    def steps_ms(self) -> Mapping[str, float]:
        return {step: ms + 1000 * self._seconds[step] for step, ms in self.first.steps_ms.items()}

    def kept_first(self, asked: str, reason: str) -> Segmentation:
        return replace(self.first, steps_ms=self.steps_ms, look=Look(asked=asked, used="once", reason=reason))

    def replaced(
        self, asked: str, probability: NDArray[np.float32], placement: Placement, boxes: list[Box]
    ) -> Segmentation:
        look = Look(asked=asked, used=asked, boxes=tuple((x0, y0, x1, y1) for y0, x0, y1, x1 in boxes))
        return replace(
            self.first, network_probability=probability, placement=placement, steps_ms=self.steps_ms, look=look
        )


def _closer(looks: _Looks) -> Segmentation:
    first = looks.first
    found = found_in(first)
    if found is None:
        return looks.kept_first("closer", "the first look found no lesion to look at")
    crop = crop_around(found, first.photo_hw, first.contract.input_hw)
    if isinstance(crop, str):
        return looks.kept_first("closer", crop)
    looks.prepare(crop, first.contract.input_hw)
    probability, placement = looks.at(crop)
    mixed = mixed_with_first(probability, placement, covered_part(first), first.placement.photo_box)
    second = looks.replaced("closer", mixed, placement, [crop])
    if found_in(second) is None:
        return looks.kept_first("closer", "the closer look found no lesion, so the first look's outline stays")
    return second


def _tiled(looks: _Looks) -> Segmentation:
    first = looks.first
    whole, photo_box = covered_part(first), first.placement.photo_box
    near = _near(first, whole)
    if not near.any():
        return looks.kept_first("tiles", "the first look found no outline to look at")
    grid = grid_for(found_in(first), photo_box, first.placement.covered_hw, len(whole))
    if isinstance(grid, str):
        return looks.kept_first("tiles", grid)
    near = _resized(near, grid.map_hw)
    needed = [tile for tile in grid.tiles(photo_box) if near[_window(tile)].any()]
    looks.prepare(photo_box, grid.map_hw)
    blended = _blended(looks, grid, needed)
    probability = joined(np.stack([_resized(one, grid.map_hw) for one in whole]), blended, near)
    placement = Placement(first.photo_hw, grid.map_hw, photo_box, (0, 0, *grid.map_hw))
    return looks.replaced("tiles", probability, placement, [tile.photo_box for tile in needed])


def _near(first: Segmentation, whole: NDArray[np.float32]) -> NDArray[np.float32]:
    covered_hw = first.placement.covered_hw
    at_its_size = Placement(covered_hw, covered_hw, (0, 0, *covered_hw), (0, 0, *covered_hw))
    mask = mask_from_probability(whole, at_its_size, first.contract, first.rules)
    return nearness(mask, lesion_map(whole, first.contract, map_hw=covered_hw))


def _blended(looks: _Looks, grid: Grid, tiles: list[Tile]) -> NDArray[np.float32]:
    """Return the tiles' maps laid over each other, (K, *grid.map_hw) float32; 0 where none of them reaches."""
    total = np.zeros((len(looks.first.network_probability), *grid.map_hw), np.float32)
    weights = np.zeros(grid.map_hw, np.float32)
    weight = tile_weight(grid.tile_hw)
    for tile in tiles:
        probability, placement = looks.at(tile.photo_box)
        top, left, bottom, right = placement.input_box
        window = _window(tile)
        for k, one in enumerate(probability[:, top:bottom, left:right]):
            total[k][window] += weight * _resized(one, grid.tile_hw)
        weights[window] += weight
    return np.divide(total, weights, out=total, where=weights > 0)


def _window(tile: Tile) -> tuple[slice, slice]:
    top, left, bottom, right = tile.map_box
    return slice(top, bottom), slice(left, right)


def _resized(values: NDArray[np.float32], hw: tuple[int, int]) -> NDArray[np.float32]:
    """Resize a map bilinearly to *hw* (rows, columns); a letterboxed tile may be a pixel off its place."""
    if values.shape == hw:
        return values
    resized = cv2.resize(np.ascontiguousarray(values), (hw[1], hw[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)
