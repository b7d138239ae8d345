"""A candidate with a planted fault: the right answer, some pixels too far down."""

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.engines import Engine

__all__ = ["Shifted"]


class Shifted:
    """Give the probabilities of *engine*, rolled down by *rows* of the network's pixels."""

    name = "shifted"

    def __init__(self, engine: Engine, rows: int) -> None:
        self.input_hw, self.classes = engine.input_hw, engine.classes
        self._engine, self._rows = engine, rows

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.roll(self._engine.infer(images), self._rows, axis=2)

    def close(self) -> None:
        pass
