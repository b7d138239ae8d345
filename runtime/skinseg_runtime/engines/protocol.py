"""What an engine is: anything with this shape; nothing is inherited."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine"]


class Engine(Protocol):
    """A loaded network: photos at network size in, probabilities out."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def input_hw(self) -> tuple[int, int]:
        """Rows and columns of the input, px."""
        ...

    @property
    def classes(self) -> int:
        """K, the number of maps in the output."""
        ...

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB, C-contiguous.

        May be called from several threads at once.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds; a second call does nothing."""
        ...
