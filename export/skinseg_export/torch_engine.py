"""A torch network behind the runtime's Engine protocol: the reference that every artefact is held against."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_export.deployed_graph import DeployedGraph
from skinseg_export.forked_answers import forked_answers

__all__ = ["TorchEngine"]


class TorchEngine:
    """Run *network* (logits out) in float32 on *device* exactly as the deployed graph does.

    `skinseg_runtime.Segmenter(contract, TorchEngine(network, contract))` then gives the masks the network was trained
    to give, through the same steps as on a device.
    """

    name = "torch"

    def __init__(self, network: nn.Module, contract: ModelContract, *, device: str = "cpu") -> None:
        self.input_hw = contract.input_hw
        self.classes = len(contract.classes)
        self._device = device
        self._graph = DeployedGraph(network, contract).to(device)
        self._known: dict[bytes, NDArray[np.float32]] = {}

    @contextmanager
    def answering_ahead(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[None]:
        """Compute beside the block what `infer` gives for each of *images*, (H, W, 3) uint8 RGB, and keep it behind.

        Torch's threads wait in a loop for each other: beside something else that computes they take several times the
        processor's time, so what is asked for later is better computed while others have one thread at most.
        """
        pictures = [image[None] for image in images]
        with forked_answers(self.infer, pictures) as answers:
            yield
            found = answers() or [self.infer(picture) for picture in pictures]
        self._known.update(zip((picture.tobytes() for picture in pictures), found, strict=True))

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return probabilities (N, K, H, W) float32 in [0, 1] of *images* (N, H, W, 3) uint8 RGB.

        Raises ValueError if images.shape[1:] != (*input_hw, 3) or the dtype is not uint8.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (*self.input_hw, 3):
            raise ValueError(f"images are {images.shape} {images.dtype}, expected (N, {self.input_hw}, 3) uint8")
        known = self._known.get(images.tobytes()) if self._known else None
        if known is not None:
            return known.copy()
        with torch.inference_mode():
            probability = self._graph(torch.from_numpy(np.ascontiguousarray(images)).to(self._device))
        return np.asarray(probability.float().cpu().numpy(), np.float32)

    def close(self) -> None:
        """Do nothing: the network belongs to the caller."""
