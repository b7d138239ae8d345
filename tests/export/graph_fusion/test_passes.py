from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
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


_FOUND: list[tuple[str, Callable[[], nn.Module], dict[str, int]]] = [
    ("one group a channel", lambda: nn.GroupNorm(CHANNELS, CHANNELS), {"channel-normalisation": 1}),
    ("groups of channels", lambda: nn.GroupNorm(4, CHANNELS), {"affine": 1}),
    ("gelu", nn.GELU, {"gelu": 1}),
    ("reconstruction", lambda: ScConv(CHANNELS), {"normalisation-scale": 1, "split-of-joined": 1}),
    ("multi-scale", lambda: EMA(CHANNELS), {"channel-normalisation": 1, "known-shares": 1, "part-by-part": 1}),
    ("omni-dimensional", lambda: ODConv3x3(CHANNELS, CHANNELS), {"tile": 1, "siblings": 1}),
    ("bridge", Bridge, {"mixed-channels": 1, "siblings": 1}),
]


@pytest.mark.parametrize(("block", "expected"), [case[1:] for case in _FOUND], ids=[case[0] for case in _FOUND])
def test_a_pattern_is_found_and_the_answers_stay(block: Callable[[], nn.Module], expected: dict[str, int]) -> None:
    plain = _plain(Around(block()))

    found = fused(plain)

    onnx.checker.check_model(found.model, full_check=True)
    assert {name: count for name, count in found.rewritten.items() if count} == {"pixel-normalisation": 1, **expected}
    images = _pictures(CONTRACT)
    assert np.abs(_probability(found.model, images) - _probability(plain, images)).max() <= _EXACT
    assert len(found.model.graph.node) < len(plain.graph.node)


@pytest.mark.parametrize("block", [lambda: EMA(CHANNELS), lambda: ODConv3x3(CHANNELS, CHANNELS), Bridge])
def test_several_pictures_at_once_get_the_same_answers(block: Callable[[], nn.Module]) -> None:
    plain = _plain(Around(block()), dynamic_batch=True)

    found = fused(plain)

    assert sum(found.rewritten.values()) >= 3
    images = _pictures(CONTRACT, 3)
    assert np.abs(_probability(found.model, images) - _probability(plain, images)).max() <= _EXACT


@pytest.mark.parametrize("padding", [1, 3])
def test_folded_pixels_are_right_at_the_border(padding: int) -> None:
    network = Around(nn.Identity(), nn.Conv2d(3, CHANNELS, 2 * padding + 1, padding=padding))
    plain = _plain(network)
    # Black and white: what differs most from the padding, which stands for the mean pixel.
    images = np.stack([np.zeros((*CONTRACT.input_hw, 3), np.uint8), np.full((*CONTRACT.input_hw, 3), 255, np.uint8)])

    found = fused(plain).model

    assert [node.op_type for node in found.graph.node[:4]] == ["Cast", "Transpose", "Sub", "Conv"]
    for image in images:
        before, after = _probability(plain, image[None]), _probability(found, image[None])
        assert np.ptp(before[..., 0, :]) > 10 * _EXACT  # the border does show
        assert np.abs(after - before).max() <= _EXACT


def test_a_first_convolution_without_padding_is_left_as_it_is() -> None:
    found = fused(_plain(Around(nn.Identity(), nn.Conv2d(3, CHANNELS, 4, stride=4))))

    assert found.rewritten["pixel-normalisation"] == 0


def test_pixels_that_two_layers_read_keep_their_normalisation() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 1, 3, padding=1)

        def forward(self, images: Tensor) -> Tensor:
            return self.first(images) + images[:, :1]  # type: ignore[no-any-return]  # nn.Module.__call__

    found = fused(_plain(Twice().eval()))

    assert found.rewritten["pixel-normalisation"] == 0


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
            import torch

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
