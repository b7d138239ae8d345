from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_edge.networks.blocks import EMA, ODConv3x3, ScConv
from skinseg_export.calculator import open_calculator
from skinseg_export.graph_fusion import PASSES, fused
from skinseg_export.onnx_from_torch import onnx_from_torch
from tests.export.graph_fusion.networks import CHANNELS, CONTRACT, Around, Bridge

_EXACT = 1e-5  # |dp| that is rounding; the issue's own bound


def _pictures(contract: ModelContract, count: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, *contract.input_hw, 3), np.uint8)


def _probability(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[Any]:
    return np.asarray(open_calculator(model, optimised=False).run(["probability"], {"image": images})[0])


def _plain(network: nn.Module, **options: Any) -> onnx.ModelProto:
    return onnx_from_torch(network, CONTRACT, fuse=False, **options).model


def _count(model: onnx.ModelProto, operator: str) -> int:
    return sum(node.op_type == operator for node in model.graph.node)


class _SignGate(nn.Module):
    """Keep a channel where it is above its mean; a product with factors below 0 stands before the comparison."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factors", -torch.linspace(0.5, 2, CHANNELS).reshape(1, CHANNELS, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        gated = (features - features.mean((2, 3), keepdim=True)) * self.get_buffer("factors")
        return torch.where(gated >= 0, features, torch.zeros_like(features[:, :1, :1, :1]))


def _norm_and_pooling() -> nn.Module:
    return nn.Sequential(nn.GroupNorm(4, CHANNELS), nn.MaxPool2d(2))


_FOUND: list[tuple[str, Callable[[], nn.Module], dict[str, int]]] = [
    (
        "norm and pooling",
        lambda: nn.Sequential(nn.GroupNorm(4, CHANNELS), nn.MaxPool2d(2)),
        {"affine": 1, "behind-pooling": 1},
    ),
    ("gelu", nn.GELU, {"gelu": 1}),
    ("gate", _SignGate, {"signs": 1}),
    ("reconstruction", lambda: ScConv(CHANNELS), {"normalisation-scale": 1, "split-of-joined": 1}),
    ("multi-scale", lambda: EMA(CHANNELS), {"channel-normalisation": 1, "known-shares": 1, "part-by-part": 1}),
    ("omni-dimensional", lambda: ODConv3x3(CHANNELS, CHANNELS), {"kernels-at-run-time": 1, "siblings": 1}),
    (
        "several kernels",
        lambda: ODConv3x3(CHANNELS, CHANNELS, kernels=2),
        {"kernels-at-run-time": 1, "siblings": 1},
    ),
    ("bridge", Bridge, {"channel-means": 3, "mixed-channels": 1, "siblings": 1}),
]


@pytest.mark.parametrize(("block", "expected"), [case[1:] for case in _FOUND], ids=[case[0] for case in _FOUND])
def test_a_pattern_is_found_and_the_answers_stay(block: Callable[[], nn.Module], expected: dict[str, int]) -> None:
    plain = _plain(Around(block()))

    found = fused(plain)

    onnx.checker.check_model(found.model, full_check=True)
    assert {name: count for name, count in found.rewritten.items() if count} == expected
    images = _pictures(CONTRACT)
    assert np.abs(_probability(found.model, images) - _probability(plain, images)).max() <= _EXACT
    assert len(found.model.graph.node) <= len(plain.graph.node)


@pytest.mark.parametrize("block", [lambda: ODConv3x3(CHANNELS, CHANNELS), Bridge])
def test_several_pictures_at_once_get_the_same_answers(block: Callable[[], nn.Module]) -> None:
    plain = _plain(Around(block()), dynamic_batch=True)

    found = fused(plain)

    assert sum(found.rewritten.values()) >= 2
    assert found.rewritten["kernels-at-run-time"] == 0  # a kernel is one picture's own
    images = _pictures(CONTRACT, 3)
    assert np.abs(_probability(found.model, images) - _probability(plain, images)).max() <= _EXACT


def test_from_opset_20_on_gelu_is_one_node() -> None:
    plain = _plain(Around(nn.GELU()), opset=20)

    found = fused(plain).model

    assert _count(found, "Erf") == 0
    assert _count(found, "Gelu") == 1
    images = _pictures(CONTRACT)
    assert np.abs(_probability(found, images) - _probability(plain, images)).max() <= _EXACT


def test_what_leads_to_a_gate_keeps_its_factor_and_addend_which_half_precision_computes_in_fp32() -> None:
    # The gate's addend is not 0 here, so a Mul and an Add lie before the comparison.
    found = fused(_plain(Around(ScConv(CHANNELS))))

    assert _count(found.model, "GreaterOrEqual") == 1
    assert found.rewritten["affine"] == 0


def test_rows_and_columns_of_channels_are_not_taken_apart() -> None:
    class Swapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix = nn.Conv2d(2 * CHANNELS, 2 * CHANNELS, 1)

        def forward(self, features: Tensor) -> Tensor:
            square = features[..., :32, :32]
            mixed = torch.sigmoid(self.mix(torch.cat((square, square.transpose(2, 3)), 1)))
            first, second = mixed.chunk(2, 1)
            return first * second.transpose(2, 3)

    found = fused(_plain(Around(Swapped())))

    assert found.rewritten["part-by-part"] == 0


def test_every_pass_has_a_name_of_its_own_and_a_reason() -> None:
    assert len({each.name for each in PASSES}) == len(PASSES)
    assert all(each.reason for each in PASSES)


def test_the_given_graph_is_left_as_it_is() -> None:
    plain = _plain(Around(nn.GELU()))
    before = plain.SerializeToString()

    fused(plain)

    assert plain.SerializeToString() == before


def test_negative_factors_stay_in_front_of_a_pooling_that_would_take_the_least() -> None:
    network = Around(_norm_and_pooling())
    with torch.no_grad():
        next(norm for norm in network.modules() if isinstance(norm, nn.GroupNorm)).weight[3] = -0.5

    found = fused(_plain(network))

    assert found.rewritten["affine"] == 1
    assert found.rewritten["behind-pooling"] == 0


def test_factors_of_both_signs_stay_in_front_of_a_gate() -> None:
    gate = _SignGate()
    gate.get_buffer("factors")[0, 0] = 0.5

    found = fused(_plain(Around(gate)))

    assert found.rewritten["signs"] == 0
