"""A map carried from one size to another, bilinearly, with the same bits on every machine; and decisions made from it.

The rule: pixel X of the larger grid lies at x = (X + 0.5) * from / to - 0.5 of the smaller one, kept within its first
and last pixel; the value there is a + w (b - a) between neighbours along the rows, then along the columns, each step
rounded to float32. OpenCV's INTER_LINEAR has the same rule and rounds differently on different processors, and it has
no way to give a part of the answer alone.

A photo of 12 megapixels has 180 pixels to each of the network's, and nearly all lie in cells whose four corners agree.
`BilinearResize.decided` computes the others only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["BilinearResize", "Decision", "Exact", "Sampler", "corners_above"]

Sampler: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From a map of (from rows, from columns) to its values at the pixels that are being decided, of whatever shape."""

Exact: TypeAlias = Callable[[Sampler], NDArray[np.bool_]]
"""Given a sampler, decide each of its pixels."""

_ROUNDING = np.float32(1e-6)  # both steps together are off by less than 4e-7 where a map lies within -1 and 1
_PIXELS_AT_ONCE = 1 << 18  # keeps what is computed at once within some MB
_MANY = 0.2  # of the cells; from here on the whole map is made faster in one piece


class Decision(NamedTuple):
    """*mask*: (to rows, to columns) bool. *box*: (top, left, bottom, right) px, end-exclusive; no True lies outside."""

    mask: NDArray[np.bool_]
    box: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class _Axis:
    """One side of the resize, *of* pixels to *to*.

    *weight*: (to,) float32, of each pixel's second neighbour. The pixels of cell c, those between the places c and
    c + 1, are *starts*[c] to *starts*[c + 1], *counts*[c] of them. *places*: (of, widest) the pixels of each cell, the
    last one again where it has fewer than the widest.
    """

    weight: NDArray[np.float32]
    starts: NDArray[np.intp]
    counts: NDArray[np.intp]
    places: NDArray[np.intp]


@lru_cache(maxsize=16)
def _axis(of: int, to: int) -> _Axis:
    at = np.clip((np.arange(to) + 0.5) * (of / to) - 0.5, 0, of - 1)
    first = np.floor(at).astype(np.intp)
    starts = np.searchsorted(first, np.arange(of + 1))
    counts = np.diff(starts)
    places = starts[:-1, None] + np.minimum(np.arange(int(counts.max())), counts[:, None] - 1)
    axis = _Axis((at - first).astype(np.float32), starts, counts, places)
    for shared in vars(axis).values():
        shared.flags.writeable = False
    return axis


def corners_above(difference: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say in which cells a map stays above 0 wherever it is sampled: at all four corners, by more than rounding can do.

    *difference*: (rows, columns) float32 in [-1, 1]. Returns (rows, columns) bool; cell (r, c) lies between the places
    (r, c) and (r + 1, c + 1), and the last ones end at the border.
    """
    lowest = cv2.erode(difference, np.ones((2, 2), np.uint8), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(lowest > _ROUNDING)


@dataclass(frozen=True)
class BilinearResize:
    """*from_hw*, *to_hw*: rows and columns, px, each at least 1."""

    from_hw: tuple[int, int]
    to_hw: tuple[int, int]

    def whole(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (to rows, to columns) float32 of *values*, (from rows, from columns) float32."""
        rows, columns = self._axes
        widened = np.repeat(_steps(values, 1), columns.counts, axis=1)  # (from rows, to columns)
        widened *= columns.weight
        widened += np.repeat(values, columns.counts, axis=1)
        resized = np.empty(self.to_hw, np.float32)
        for cell, step in enumerate(_steps(widened, 0)):
            band = slice(rows.starts[cell], rows.starts[cell + 1])
            np.multiply(rows.weight[band, None], step, out=resized[band])
            resized[band] += widened[cell]
        return resized

    def decided(self, yes: NDArray[np.bool_], no: NDArray[np.bool_], exact: Exact) -> Decision:
        """Decide every pixel as `exact(self.whole)` would, bit by bit, computing only where cells leave it open.

        *yes*, *no*: (from rows, from columns) bool, the cells all of whose pixels are known, from `corners_above`.
        *exact*: asked for the pixels of the cells that are neither.
        """
        rows, columns = self._axes
        has_pixels = (rows.counts > 0)[:, None] & (columns.counts > 0)  # not where the map shrinks
        open_rows, open_columns = np.nonzero(~(yes | no) & has_pixels)
        if len(open_rows) > _MANY * yes.size:
            return Decision(exact(self.whole), (0, 0, *self.to_hw))
        mask = np.zeros(self.to_hw, np.bool_)
        box = self._filled(mask, yes, no)
        cells_at_once = max(1, _PIXELS_AT_ONCE // (rows.places.shape[1] * columns.places.shape[1]))
        for start in range(0, len(open_rows), cells_at_once):
            chunk = slice(start, start + cells_at_once)
            self._decide_cells(mask, open_rows[chunk], open_columns[chunk], exact)
        return Decision(mask, box)

    @property
    def _axes(self) -> tuple[_Axis, _Axis]:
        return _axis(self.from_hw[0], self.to_hw[0]), _axis(self.from_hw[1], self.to_hw[1])

    def _filled(
        self, mask: NDArray[np.bool_], yes: NDArray[np.bool_], no: NDArray[np.bool_]
    ) -> tuple[int, int, int, int]:
        """Set the pixels of the cells that say yes; return the box of all cells that do not say no."""
        rows, columns = self._axes
        in_rows, in_columns = (np.flatnonzero(~no.all(axis=axis)) for axis in (1, 0))
        if len(in_rows) == 0:
            return 0, 0, 0, 0
        left, right = int(columns.starts[in_columns[0]]), int(columns.starts[in_columns[-1] + 1])
        covered = slice(in_columns[0], in_columns[-1] + 1)
        widened = np.repeat(yes[:, covered], columns.counts[covered], axis=1)
        for cell in np.flatnonzero(yes.any(axis=1)).tolist():
            mask[rows.starts[cell] : rows.starts[cell + 1], left:right] = widened[cell]
        return int(rows.starts[in_rows[0]]), left, int(rows.starts[in_rows[-1] + 1]), right

    def _decide_cells(
        self, mask: NDArray[np.bool_], in_rows: NDArray[np.intp], in_columns: NDArray[np.intp], exact: Exact
    ) -> None:
        rows, columns = self._axes
        down, across = rows.places[in_rows], columns.places[in_columns]  # (N, tallest), (N, widest)

        def sample(values: NDArray[np.float32]) -> NDArray[np.float32]:
            below, beside = (
                np.minimum(cells + 1, of - 1) for cells, of in zip((in_rows, in_columns), self.from_hw, strict=True)
            )
            weight = columns.weight[across]
            top, bottom = (_between(values[row, in_columns], values[row, beside], weight) for row in (in_rows, below))
            step = (bottom - top)[:, None]
            return np.asarray(top[:, None] + rows.weight[down][:, :, None] * step, np.float32)  # (N, tallest, widest)

        places = (down * mask.shape[1])[:, :, None] + across[:, None]
        mask.reshape(-1)[places] = exact(sample)


def _between(left: NDArray[np.float32], right: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, widest) of two (N,) neighbours."""
    return np.asarray(left[:, None] + weight * (right - left)[:, None], np.float32)


def _steps(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return how much a map grows to the next place along an axis; 0 at the last one."""
    return np.diff(values, axis=axis, append=values.take([-1], axis=axis))
