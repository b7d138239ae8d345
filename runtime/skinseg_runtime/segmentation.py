"""What one photo gave: the mask, its regions, the probabilities behind it, and how long each step took."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from skinseg_edge.bilinear import Decision
from skinseg_edge.contract import ModelContract
from skinseg_edge.preprocessing import Placement
from skinseg_runtime.large_pictures import ONCE, Look
from skinseg_runtime.measurements import Lesion, measure
from skinseg_runtime.postprocessing import (
    PostProcessing,
    class_map_from_probability,
    lesion_probability,
    located_mask,
)
from skinseg_runtime.quick_outlines import quick_outlines

__all__ = ["Segmentation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmentation:
    """The answer to one photo. What is at photo size is made when first asked for, and kept.

    *network_probability*: (K, input rows, input columns) float32 in [0, 1], as the network gave it; of tiles, joined.
    *placement*: where the photo lies in the network's input. *photo_hw*: rows and columns of the upright photo, px.
    *engine*: what ran the network, such as "trt". *fallback*: why another engine than the best for this device did, in
    a sentence; None if that is not so. *look*: whether that was the whole photo at once, or a second look at it.
    """

    contract: ModelContract
    network_probability: NDArray[np.float32]
    placement: Placement
    rules: PostProcessing
    steps_ms: Mapping[str, float] = field(repr=False)
    engine: str
    fallback: str | None = None
    look: Look = ONCE

    @property
    def photo_hw(self) -> tuple[int, int]:
        """Rows and columns of the upright photo, px."""
        return self.placement.photo_hw

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool at photo size, True = lesion."""
        return self._located[0].mask

    @property
    def mask_box(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) px, end-exclusive, of all that the mask holds; without area where that is nothing.

        `measure` spares the search for it when it is told.
        """
        return self._located[0].box

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """One Lesion a connected region of the mask, the largest first."""
        return self._measured[0]

    @cached_property
    def outlines(self) -> tuple[NDArray[np.float32], ...]:
        """Outlines of the lesions, each (P, 2) float32 (x, y) photo px, without making the mask: for a live picture.

        Approximate: within one pixel of the network of the mask's border. `lesions` has the exact ones.
        """
        return quick_outlines(self.network_probability, self.placement, self.contract, self.rules)

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds of decode, preprocess, inference and postprocess (mask and lesions at photo size)."""
        return {**self.steps_ms, "postprocess": self._located[1] + self._measured[1]}

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1] at photo size: how probable it is that a pixel is lesion."""
        return lesion_probability(self.network_probability, self.placement, self.contract)

    @cached_property
    def class_map(self) -> NDArray[np.uint8]:
        """(H, W) uint8 at photo size: number of each pixel's class in the contract; 1 for a binary network's lesion.

        Inside the mask only classes that count as lesion, outside it only others.
        """
        return class_map_from_probability(self.network_probability, self.placement, self.contract, self.mask)

    @cached_property
    def _located(self) -> tuple[Decision, float]:
        started = time.perf_counter()
        decision = located_mask(self.network_probability, self.placement, self.contract, self.rules)
        return decision, (time.perf_counter() - started) * 1000

    @cached_property
    def _measured(self) -> tuple[tuple[Lesion, ...], float]:
        mask, box = self._located[0]
        started = time.perf_counter()
        lesions = measure(mask, within=box)
        return lesions, (time.perf_counter() - started) * 1000
