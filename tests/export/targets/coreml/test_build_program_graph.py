"""What the program computes, in torch, before anything is converted."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.targets.coreml.program_graph import ProgramGraph
from tests.export.darkness import FACE_CONTRACT, Darkness, Levels


class Given(nn.Module):
    """Give the logits of one number for every pixel."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.logit = float(np.log(probability / (1 - probability)))

    def forward(self, images: Tensor) -> Tensor:
        return torch.full_like(images[:, :1], self.logit)


@pytest.mark.parametrize(("probability", "label"), [(0.39, 0), (0.41, 1)])
def test_a_binary_network_s_class_is_lesion_from_the_threshold_on(probability: float, label: int) -> None:
    contract = ModelContract(input_hw=(16, 32), threshold=0.4)

    found, classes = ProgramGraph(Given(probability), contract, half=True)(torch.zeros(1, 3, 16, 32))

    assert (found.shape, classes.shape, classes.dtype) == ((1, 1, 16, 32), (1, 16, 32), torch.int32)
    assert (classes == label).all()


@pytest.mark.parametrize("threshold", [0.1, 0.4, 0.5, 0.522, 0.9])
def test_in_half_precision_the_threshold_splits_probabilities_as_the_runtime_does_in_single(threshold: float) -> None:
    graph = ProgramGraph(Darkness(), ModelContract(input_hw=(16, 16), threshold=threshold), half=True)

    halves = np.arange(0x3C01, dtype=np.uint16).view(np.float16)  # every half from 0 to 1
    assert np.float16(graph.threshold) == graph.threshold
    assert np.array_equal(halves >= np.float16(graph.threshold), halves.astype(np.float32) >= np.float32(threshold))


def test_of_several_classes_the_most_probable_one_counts() -> None:
    picture = torch.zeros(1, 3, 64, 64)
    picture[..., 32:] = 255  # white is the first level, black the last

    probability, classes = ProgramGraph(Levels(), FACE_CONTRACT, half=True)(picture)

    assert torch.equal(classes, probability.argmax(1).int())
    assert (classes[..., :32] == 5).all()
    assert (classes[..., 32:] == 0).all()
