"""What the Core ML program computes: pixels in, probabilities and a map of class numbers out.

Axes: N batch, H height, W width, K classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import PixelGraph

__all__ = ["CLASS_MAP_NAME", "ProgramGraph", "class_names"]

CLASS_MAP_NAME = "class_map"


def class_names(contract: ModelContract) -> tuple[str, ...]:
    """Return what the numbers of the class map stand for; of a binary network 0 is skin.

    >>> class_names(ModelContract(input_hw=(64, 64)))
    ('skin', 'lesion')
    """
    return ("skin", *contract.classes) if contract.is_binary else contract.classes


class ProgramGraph(nn.Module):
    """N x 3 x H x W float32 in [0, 255] -> `probability` N x K x H x W float32, `class_map` N x H x W int32.

    The class is the most probable one; of a binary network, 1 from the contract's threshold on.
    *half*: whether the program holds probabilities in float16.
    """

    def __init__(self, network: nn.Module, contract: ModelContract, *, half: bool) -> None:
        super().__init__()
        self.pixels = PixelGraph(network, contract)
        self.threshold = _half_from(contract.threshold) if half else contract.threshold

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and class map of *pixels*."""
        probability: Tensor = self.pixels(pixels)
        if self.pixels.is_binary:
            return probability, (probability[:, 0] >= self.threshold).to(torch.int32)
        return probability, probability.argmax(1).to(torch.int32)


def _half_from(threshold: float) -> float:
    # The nearest half below the threshold would take probabilities that the runtime, which compares in float32, leaves.
    nearest = np.float16(threshold)
    return float(nearest if nearest >= np.float32(threshold) else np.nextafter(nearest, np.float16(1)))
