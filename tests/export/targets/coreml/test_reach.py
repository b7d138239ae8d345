"""Which operations of a program stay in float32 because half precision cannot hold what they compute."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.parity import noise_pictures
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.mil_reference import MilEngine, MilProgram, load_program
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.targets.coreml.reach import kept_in_single
from skinseg_export.torch_engine import TorchEngine

_CONTRACT = ModelContract(input_hw=(16, 16))
_PICTURES = noise_pictures(_CONTRACT)


class _Loud(nn.Module):
    """A group norm of values around 1000: it divides by the root of the mean of their squares, about a million."""

    def __init__(self) -> None:
        super().__init__()
        self.louder = nn.Conv2d(3, 4, 1, bias=False)
        self.norm = nn.GroupNorm(2, 4)
        self.head = nn.Conv2d(4, 1, 1)
        with torch.no_grad():
            self.louder.weight.copy_(torch.linspace(-900, 900, 12).reshape(4, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.head(self.norm(self.louder(images)))
        return logits


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return _Loud().eval()


@pytest.fixture(scope="module")
def fresh(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> MilProgram:
    return _program(network, tmp_path_factory.mktemp("fp32"), CoremlOptions(precision="fp32"))


def _program(
    network: nn.Module, folder: Path, options: CoremlOptions, kept: frozenset[str] = frozenset()
) -> MilProgram:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    mlpackage_from_torch(network, _CONTRACT, folder / "model.mlpackage", options, kept=kept)
    return load_program(folder / "model.mlpackage")


def _error(program: MilProgram, network: nn.Module) -> float:
    pictures = np.stack(_PICTURES)
    ours = MilEngine(program, _CONTRACT).infer(pictures)
    return float(np.abs(ours - TorchEngine(network, _CONTRACT).infer(pictures)).max())


def test_squares_beyond_half_and_what_takes_them_are_found(fresh: MilProgram) -> None:
    kept = kept_in_single(fresh, _PICTURES)

    kinds = {each.kind for each in fresh.operations if each.outputs[0].name in kept}
    assert {"square", "reduce_mean", "add", "sqrt"} <= kinds
    assert kinds.isdisjoint({"conv", "sigmoid"})


def test_without_them_the_half_precision_program_is_another_network_and_with_them_it_is_not(
    network: nn.Module, fresh: MilProgram, tmp_path: Path
) -> None:
    plain = _program(network, tmp_path / "plain", CoremlOptions())
    guarded = _program(network, tmp_path / "guarded", CoremlOptions(), kept_in_single(fresh, _PICTURES))

    assert _error(plain, network) > 0.1
    assert _error(guarded, network) < 2e-3  # half has 11 bits
    assert {value.dtype for each in guarded.operations for value in each.outputs if each.kind == "square"} == {"fp32"}


def test_a_quiet_network_keeps_nothing_in_single(tmp_path: Path) -> None:
    quiet = nn.Conv2d(3, 1, 3, padding=1).eval()

    assert kept_in_single(_program(quiet, tmp_path, CoremlOptions(precision="fp32")), _PICTURES) == frozenset()
