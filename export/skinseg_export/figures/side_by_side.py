"""The pictures on which a candidate strays most from the trained network: what each found, and where they differ."""

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.image_io import decode
from skinseg_edge.preprocessing import resize_mask, resize_pixels
from skinseg_export.acceptance import scope_of
from skinseg_export.figures.palette import FOUND, TRUTH, Rgb
from skinseg_export.figures.sheet import Tile, sheet_png, tile_hw
from skinseg_runtime import Segmenter
from skinseg_runtime.acceptance import Acceptance, PictureFigures, Subject
from skinseg_runtime.overlay import draw

__all__ = ["GAINED", "LOST", "TRAINED", "Subjects", "side_by_side_png", "write_worst"]

TRAINED: Rgb = (190, 160, 255)  # violet: the trained network's outline
LOST: Rgb = (204, 60, 20)  # vermilion: the trained network has it, the candidate does not
GAINED: Rgb = (0, 105, 190)  # blue: the candidate alone has it
_SIDE = 260  # px
_CLOSE_UP = 0.7  # of the photo; a larger part is not worth a window of its own
_MARGIN = 1.35  # times the masks' box
_PALE = 0.65  # how far a greyed photo is lifted towards white
_FAINTEST = 0.45  # opacity of a difference of a single photo pixel in a tile pixel

_Window = tuple[slice, slice]


class Subjects(Protocol):
    """What `Acceptance` speaks of, by name: an `AcceptanceBench`, or a dict of golden subjects."""

    def __getitem__(self, name: str, /) -> Subject:
        """Return the subject of this name."""
        ...


def write_worst(path: Path, acceptance: Acceptance, subjects: Subjects, candidate: Segmenter, count: int = 6) -> None:
    """Write `side_by_side_png` to *path*, whole or not at all.

    Raises OutputRefused if the place cannot be written, ToolMissing if matplotlib is not installed.
    """
    write_bytes_atomically(path, side_by_side_png(acceptance, subjects, candidate, count))


def side_by_side_png(acceptance: Acceptance, subjects: Subjects, candidate: Segmenter, count: int = 6) -> bytes:
    """Draw the *count* pictures of the lowest Dice to the trained network, the lowest first, a row each.

    Four tiles: the photo; the trained network's outline and the candidate's, both with the expert's where one has
    drawn; and what one of the two has alone, over the photo in pale grey. A lesion that is small on its photo is shown
    close up, and the photo's tile has a frame around that part.

    Raises ToolMissing if matplotlib is not installed, and what decoding a photo raises.
    """
    rows = []
    has_expert = False
    for figures in acceptance.worst_pictures(count):
        subject = subjects[figures.name]
        has_expert |= subject.expert is not None
        rows.append(_row(figures, subject, candidate.segment(subject.image).mask))
    name = acceptance.precision
    return sheet_png(
        rows,
        side=_SIDE,
        title=f"{name}: the lowest Dice to the trained network ({scope_of(candidate.contract)})",
        headings=("photo (frame: the part beside it)", "trained network", name, "difference"),
        legend=_legend(name, has_expert),
    )


def _legend(name: str, has_expert: bool) -> list[tuple[str, Rgb]]:
    expert: list[tuple[str, Rgb]] = [("expert", TRUTH)] if has_expert else []
    outlines = [("trained network", TRAINED), (name, FOUND)]
    return [*outlines, *expert, ("trained network alone", LOST), (f"{name} alone", GAINED)]


def _row(figures: PictureFigures, subject: Subject, found: NDArray[np.bool_]) -> tuple[Tile, ...]:
    photo = decode(subject.image).pixels
    masks = [mask for mask in (subject.trained, found, subject.expert) if mask is not None]
    window = _close_up(masks)
    part, trained, candidate = photo[window], subject.trained[window], found[window]
    hw = tile_hw((part.shape[0], part.shape[1]), _SIDE)
    shown = resize_pixels(np.ascontiguousarray(part), hw)
    below = shown if subject.expert is None else draw(shown, resize_mask(subject.expert[window], hw), light=TRUTH)
    return (
        Tile(_framed(photo, window), figures.name),
        Tile(draw(below, resize_mask(trained, hw), light=TRAINED), _to_expert(figures.trained_expert_dice)),
        Tile(draw(below, resize_mask(candidate, hw), light=FOUND), _to_expert(figures.expert_dice)),
        Tile(_difference(shown, trained, candidate), _drift(figures)),
    )


def _to_expert(dice: float | None) -> str:
    return "" if dice is None else f"Dice to the expert {dice:.3f}"


def _drift(figures: PictureFigures) -> str:
    area = f"{figures.area_drift:.1%}" if np.isfinite(figures.area_drift) else "∞"
    return f"Dice {figures.dice:.3f}, area drift {area}"


def _close_up(masks: list[NDArray[np.bool_]]) -> _Window:
    """Return the part of the photo, of its proportions, that holds all *masks* with a margin; or all of it."""
    either = np.logical_or.reduce(masks)
    left, top, columns, rows = cv2.boundingRect(either.view(np.uint8))
    height, width = either.shape
    share = max(rows / height, columns / width) * _MARGIN
    if columns == 0 or share > _CLOSE_UP:
        return slice(0, height), slice(0, width)
    share = max(share, min(1.0, 32 / min(height, width)))  # a few pixels alone tell nothing
    return _span(top + rows / 2, share * height, height), _span(left + columns / 2, share * width, width)


def _span(middle: float, length: float, whole: int) -> slice:
    size = max(1, round(length))
    start = min(max(0, round(middle - size / 2)), whole - size)
    return slice(start, start + size)


def _framed(photo: NDArray[np.uint8], window: _Window) -> NDArray[np.uint8]:
    hw = tile_hw((photo.shape[0], photo.shape[1]), _SIDE)
    tile = resize_pixels(photo, hw).copy()
    down, across = window
    if (down.stop - down.start, across.stop - across.start) == photo.shape[:2]:
        return tile
    scale = hw[0] / photo.shape[0]
    corners = [(round(across.start * scale), round(down.start * scale))]
    corners.append((round(across.stop * scale) - 1, round(down.stop * scale) - 1))
    for colour, thickness in (((12, 24, 32), 3), ((255, 255, 255), 1)):
        cv2.rectangle(tile, corners[0], corners[1], colour, thickness)
    return tile


def _shares(mask: NDArray[np.bool_], hw: tuple[int, int]) -> NDArray[np.float32]:
    """Return how much of each tile pixel the mask covers, *hw* float32 in [0, 1]."""
    levels = resize_pixels(np.where(mask, np.uint8(255), np.uint8(0)), hw)
    return levels.astype(np.float32) / np.float32(255)


def _difference(
    shown: NDArray[np.uint8], trained: NDArray[np.bool_], candidate: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return the tile *shown* in pale grey, painted where one mask alone is; even a thin rim is seen."""
    hw = (shown.shape[0], shown.shape[1])
    grey = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY).astype(np.float32)
    page: NDArray[np.float32] = np.repeat((grey + _PALE * (255 - grey))[:, :, None], 3, axis=2)
    for alone, colour in ((trained & ~candidate, LOST), (candidate & ~trained, GAINED)):
        share = _shares(alone, hw)
        cover = np.where(share > 0, np.maximum(share, _FAINTEST), 0)[:, :, None]
        page += cover * (np.array(colour, np.float32) - page)
    return np.asarray(np.rint(page), np.uint8)
