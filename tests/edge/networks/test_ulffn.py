"""ULFFN: the sizes of its specification, what each switch takes away, and its blocks against naive formulations."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge import networks
from skinseg_edge.errors import InputError
from skinseg_edge.networks import ULFFN
from skinseg_edge.networks.blocks.aspp import ASPP
from skinseg_edge.networks.blocks.conv_relu_norm import ConvReluNorm
from skinseg_edge.networks.blocks.mean_variance_attention import MeanVarianceAttention
from tests.edge.networks.overfitting import overfit


def parameters(**options: Any) -> int:
    with torch.device("meta"):  # counts need no memory for 31 million numbers
        return sum(weight.numel() for weight in ULFFN(2, **options).parameters())


def test_parameter_counts_are_those_of_the_specification() -> None:
    assert parameters() == 31_365_010
    assert parameters(base=32) == 7_847_114
    assert parameters(base=16) == 1_964_710
    assert parameters(last_stride=1) == 30_971_026


def test_without_aspp_one_convolution_of_the_same_width_stands_in_its_place() -> None:
    network = ULFFN(2, base=8, aspp=False)
    assert not any(isinstance(module, ASPP) for module in network.modules())
    assert isinstance(network.context, ConvReluNorm)
    assert parameters() - parameters(aspp=False) == 31_365_010 - 23_628_434
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2, 32, 32)


def test_without_cam_only_the_channel_attention_is_gone() -> None:
    whole, bare = ULFFN(2, base=8), ULFFN(2, base=8, cam=False)
    gone = whole.state_dict().keys() - bare.state_dict().keys()
    assert {name.split(".")[0] for name in gone} == {"attention"}
    assert bare.state_dict().keys() <= whole.state_dict().keys()
    assert parameters() - parameters(cam=False) == (128 + 1) * 16 + (16 + 1) * 64


@pytest.mark.parametrize("hw", [(32, 48), (64, 16)])
@pytest.mark.parametrize("last_stride", [1, 2])
@pytest.mark.parametrize("classes", [1, 6])
def test_logits_have_one_map_a_class_at_input_size(hw: tuple[int, int], last_stride: int, classes: int) -> None:
    network = ULFFN(classes, base=4, last_stride=last_stride).eval()
    assert network(torch.randn(2, 3, *hw)).shape == (2, classes, *hw)


def test_last_stride_1_keeps_an_eighth_of_the_resolution_at_the_bottom() -> None:
    images = torch.randn(1, 3, 64, 64)
    for last_stride, side in ((1, 8), (2, 4)):
        network = ULFFN(base=4, last_stride=last_stride).eval()
        seen: list[torch.Size] = []
        network.context.register_forward_hook(_shape_into(seen))
        network(images)
        assert seen == [torch.Size((1, 32, side, side))]


def _shape_into(seen: list[torch.Size]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    return lambda module, inputs, output: seen.append(output.shape)


def test_wrong_options_are_refused_with_the_rule() -> None:
    with pytest.raises(InputError, match="base of 4 channels or more; got 2"):
        networks.create("ulffn", base=2)
    with pytest.raises(InputError, match="last_stride is 1 or 2; got 4"):
        networks.create("ulffn", last_stride=4)


def test_every_weight_gets_a_gradient_also_from_a_batch_of_one() -> None:
    network = ULFFN(2, base=4)
    network(torch.randn(1, 3, 32, 32)).square().mean().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_a_pictures_logits_do_not_depend_on_its_batch() -> None:
    network = ULFFN(2, base=4).eval()
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(network(images)[1:2], network(images[1:2]), atol=1e-5, rtol=1e-4)


def test_convolution_comes_before_relu_and_relu_before_normalisation() -> None:
    block = ConvReluNorm(3, 4, 3)
    assert [type(layer) for layer in block] == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d]


@pytest.mark.parametrize("hw", [(16, 24), (16, 20), (7, 9)])
def test_attention_equals_its_formula_with_torch_s_own_variance(hw: tuple[int, int]) -> None:
    block = MeanVarianceAttention(8)
    features = torch.randn(2, 8, *hw) * 3 + 1
    statistics = torch.cat((features.mean((2, 3)), features.var((2, 3), unbiased=False)), 1)
    hidden = F.relu(F.linear(statistics, block.squeeze.weight.flatten(1), block.squeeze.bias))
    weight = F.linear(hidden, block.expand.weight.flatten(1), block.expand.bias).sigmoid()
    expected = features + features * weight[:, :, None, None]
    torch.testing.assert_close(block(features), expected, atol=1e-5, rtol=1e-5)


def test_aspp_hands_every_place_the_mean_of_the_whole_map() -> None:
    block = ASPP(4, 6, branch=3).eval()
    features = torch.randn(2, 4, 8, 8)
    pooled = F.relu(F.conv2d(features.mean((2, 3), keepdim=True), block.whole.weight, block.whole.bias))
    branches = [block.near(features), *(each(features) for each in block.dilated), pooled.repeat(1, 1, 8, 8)]
    torch.testing.assert_close(block(features), block.fuse(torch.cat(branches, 1)))
    dilations = [layer.dilation for each in block.dilated for layer in each.modules() if isinstance(layer, nn.Conv2d)]
    assert dilations == [(6, 6), (12, 12), (18, 18)]


def test_four_pictures_are_learnt_by_heart() -> None:
    assert overfit(ULFFN(2, base=8), classes=2, side=32, steps=60, learning_rate=1e-2) > 0.95
