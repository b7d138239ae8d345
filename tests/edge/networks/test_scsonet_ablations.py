"""What each ablation switch of SCSONet takes away, and that nothing moves where none is given."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge import networks
from skinseg_edge.errors import InputError
from skinseg_edge.networks import SCSONet
from skinseg_edge.networks.blocks import EMA, ODConv3x3, PConv, ScConv
from skinseg_edge.networks.checkpoint import load_checkpoint


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def kinds(network: nn.Module) -> dict[type[nn.Module], int]:
    return {kind: sum(isinstance(m, kind) for m in network.modules()) for kind in (ODConv3x3, ScConv, PConv, EMA)}


def test_the_paper_s_network_has_two_attended_convolutions_and_six_fusion_blocks() -> None:
    assert kinds(SCSONet()) == {ODConv3x3: 2, ScConv: 6, PConv: 6, EMA: 6}


@pytest.mark.parametrize(
    ("options", "left", "count"),
    [
        ({"conv_stem": False}, {ODConv3x3: 0, ScConv: 6, PConv: 6, EMA: 6}, 157_893),
        ({"fusion": False}, {ODConv3x3: 2, ScConv: 0, PConv: 0, EMA: 0}, 125_201),
        ({"conv_stem": False, "fusion": False}, {ODConv3x3: 0, ScConv: 0, PConv: 0, EMA: 0}, 123_655),
        ({"local": "depthwise"}, {ODConv3x3: 2, ScConv: 6, PConv: 0, EMA: 6}, 143_743),
        ({"local": "dilated"}, {ODConv3x3: 2, ScConv: 6, PConv: 0, EMA: 6}, 212_143),
    ],
)
def test_a_switch_takes_away_its_modules_and_their_parameters(
    options: dict[str, Any], left: dict[type[nn.Module], int], count: int
) -> None:
    network = SCSONet(2, **options).eval()
    assert kinds(network) == left
    assert parameters(network) - 9 == count  # a second class adds 8 weights and a bias to the head
    assert network(torch.randn(1, 3, 64, 64)).shape == (1, 2, 64, 64)


def test_parameters_of_the_local_convolutions_are_those_of_their_formulas() -> None:
    channels = (24, 32, 48, 48, 32, 24)  # of the six fusion blocks where the local convolution stands
    partial = sum(9 * (c // 2) ** 2 for c in channels)
    whole = parameters(SCSONet())
    assert parameters(SCSONet(local="depthwise")) - whole == sum(9 * c for c in channels) - partial
    assert parameters(SCSONet(local="dilated")) - whole == sum(9 * c**2 for c in channels) - partial


def test_the_names_of_the_default_s_weights_are_those_of_the_shipped_checkpoint() -> None:
    assert SCSONet().state_dict().keys() == load_checkpoint("scsonet").network.state_dict().keys()
    assert not any("kernel_attention" in name for name in SCSONet().state_dict())


def test_several_kernels_equal_the_paper_s_sum_of_attended_kernels() -> None:
    block = ODConv3x3(4, 6, kernels=3).eval()
    features = torch.randn(2, 4, 9, 7)
    expected = torch.cat([_sum_of_kernels(block, features[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(block(features), expected, atol=1e-5, rtol=1e-4)


def _sum_of_kernels(block: ODConv3x3, features: Tensor) -> Tensor:
    """Equation 1 of SCSONet for one picture: the four attentions multiply each kernel, the kernels are summed."""
    hidden = F.relu(block.norm(block.squeeze(features.mean((2, 3), keepdim=True))))
    channel = block.channel_attention(hidden).sigmoid().reshape(1, -1, 1, 1)
    spatial = block.spatial_attention(hidden).sigmoid().reshape(1, 1, 3, 3)
    filters = block.filter_attention(hidden).sigmoid().reshape(-1, 1, 1, 1)
    assert block.kernel_attention is not None
    shares = block.kernel_attention(hidden).flatten().softmax(0)
    attended = [
        share * weight * channel * spatial * filters
        for share, weight in zip(shares, block.weight.chunk(3), strict=True)
    ]
    return F.conv2d(features, torch.stack(attended).sum(0), padding=1)


def test_kernels_add_their_weights_and_their_attention_to_both_attended_convolutions() -> None:
    added = sum((9 * before * after) for before, after in ((8, 16), (16, 8)))
    attention = 2 * (16 + 1) * 2  # 16 hidden values and a bias, two kernels, two convolutions
    assert parameters(SCSONet(kernels=2)) == 159_439 + added + attention == 161_811
    assert SCSONet(kernels=2).eval()(torch.randn(1, 3, 64, 64)).shape == (1, 1, 64, 64)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"local": "atrous"}, "local convolution is pconv or depthwise or dilated; got 'atrous'"),
        ({"kernels": 0}, "have 1 kernel or more; got 0"),
        ({"fusion": False, "local": "dilated"}, "has no place for a dilated convolution; leave local out"),
        ({"conv_stem": False, "kernels": 2}, "has no use for 2 kernels; leave kernels out"),
    ],
)
def test_options_that_say_nothing_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        networks.create("scsonet", **options)
