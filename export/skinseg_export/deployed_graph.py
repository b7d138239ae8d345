"""The graph that is deployed: uint8 pixels in, probabilities out, nothing left for a device to forget.

Axes: N batch, H height, W width, K classes. Resizing stays outside, in `skinseg_edge.preprocessing`.
"""

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "DeployedGraph", "PixelGraph"]

INPUT_NAME = "image"
OUTPUT_NAME = "probability"


class PixelGraph(nn.Module):
    """Normalise, run the network, make probabilities: N x 3 x H x W float32 in [0, 255] -> N x K x H x W float32.

    Core ML's image input hands over pixels in this layout; every other target takes `DeployedGraph`.
    """

    def __init__(self, network: nn.Module, contract: ModelContract) -> None:
        super().__init__()
        self.network = network
        self.is_binary = contract.is_binary
        mean, std = torch.tensor(contract.mean, dtype=torch.float64), torch.tensor(contract.std, dtype=torch.float64)
        # (x / 255 - mean) / std as one multiplication and one addition, rounded to float32 once.
        self.register_buffer("scale", (1 / (255 * std)).float().reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean / std).float().reshape(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the probabilities of *pixels*."""
        logits = self.network(pixels * self.get_buffer("scale") + self.get_buffer("shift"))
        return torch.sigmoid(logits) if self.is_binary else torch.softmax(logits, 1)


class DeployedGraph(nn.Module):
    """The whole deployed graph: `image` N x H x W x 3 uint8 RGB -> `probability` N x K x H x W float32 in [0, 1].

    *network* returns logits and is put in eval mode.
    """

    def __init__(self, network: nn.Module, contract: ModelContract) -> None:
        super().__init__()
        self.pixels = PixelGraph(network, contract)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Return the probabilities of *image*."""
        # Cast before the permutation: TensorRT-RTX refuses to transpose uint8. Contiguous, because torch would go on
        # with channels last, which rounds otherwise than the training did; the exported graph is the same.
        return self.pixels(image.float().permute(0, 3, 1, 2).contiguous())  # type: ignore[no-any-return]  # nn.Module.__call__
