"""The real coremltools: what it joins to a batch norm, and how far that moves the numbers."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.parity import noise_pictures
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.mil_reference import MilEngine, load_program
from skinseg_export.targets.coreml.mil_reference.program import Constant, MilProgram
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.torch_engine import TorchEngine

_CONTRACT = ModelContract(input_hw=(16, 16))


class _Normed(nn.Module):
    """A scale and a shift after a convolution that many others follow, and a batch norm of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ModuleList([nn.GroupNorm(4, 4) for _ in range(8)])
        self.mixing = nn.Conv2d(3, 4, 3, padding=1)
        self.own = nn.BatchNorm2d(4, eps=0.5)
        self.head = nn.Conv2d(4, 1, 1)
        with torch.no_grad():
            for name, weight in self.scales.named_parameters():
                weight.fill_(3.0 if name.endswith("weight") else 0.1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        features = self.mixing(images)
        for scale in self.scales:
            features = scale(features) + torch.relu(features)
        logits: Tensor = self.head(torch.relu(self.own(torch.relu(features))))
        return logits


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[_Normed, MilProgram]:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    torch.manual_seed(0)
    network = _Normed().eval()
    folder = tmp_path_factory.mktemp("coreml") / "model.mlpackage"
    mlpackage_from_torch(network, _CONTRACT, folder, CoremlOptions(precision="fp32"))
    return network, load_program(folder)


def _epsilon(program: MilProgram) -> list[float]:
    found = []
    for operation in program.operations:
        if operation.kind == "batch_norm":
            given = operation.inputs["epsilon"]
            assert isinstance(given, Constant)
            assert not isinstance(given.value, str)
            found.append(float(given.value))
    return found


def test_joined_scales_have_no_epsilon_and_a_network_s_own_norm_keeps_its(
    converted: tuple[_Normed, MilProgram],
) -> None:
    epsilons = _epsilon(converted[1])

    assert epsilons.count(0.5) == 1
    assert set(epsilons) == {0.0, 0.5}


def test_the_fp32_program_answers_as_torch_does(converted: tuple[_Normed, MilProgram]) -> None:
    network, program = converted
    pictures: NDArray[np.uint8] = np.stack(noise_pictures(_CONTRACT))

    ours = MilEngine(program, _CONTRACT).infer(pictures)

    # fp32 sums in another order; an epsilon left in moves this network by 1e-5.
    assert float(np.abs(ours - TorchEngine(network, _CONTRACT).infer(pictures)).max()) < 3e-6
