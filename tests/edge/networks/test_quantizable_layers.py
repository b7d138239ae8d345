"""Which layers may compute in 8 bits: of the project's networks, and of small ones made for one rule each."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge.errors import InputError
from skinseg_edge.networks import create
from skinseg_edge.networks.blocks import selective_scan
from skinseg_edge.networks.quantizable_layers import LayerChoice, quantizable_layers

HW = (32, 32)


class Around(nn.Module):
    """A first layer, what is to be judged, and a head."""

    def __init__(self, judged: nn.Module, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.judged = judged
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.judged(torch.relu(self.first(images)))))
        return logits


def around(judged: nn.Module, width: int = 8) -> LayerChoice:
    return quantizable_layers(Around(judged, width), HW)


class Gated(nn.Module):
    """Features times a gate of their own size, of their strips or of their means."""

    def __init__(self, pooled: bool, gate: str) -> None:
        super().__init__()
        self.pooled, self.gate = pooled, gate
        self.features = nn.Conv2d(8, 8, 3, padding=1)
        self.weigh = nn.Conv2d(8, 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.features(images)
        seen = features.mean((2, 3), keepdim=True) if self.pooled else features
        weights = self.weigh(seen)
        if self.gate == "threshold":
            return torch.where(weights >= 0, features, torch.zeros_like(features))
        share: Tensor = torch.softmax(weights, 1) if self.gate == "softmax" else getattr(F, self.gate)(weights)
        return features * share


class Shared(nn.Module):
    """One convolution used twice: *second* tells where its second output goes."""

    def __init__(self, second: str) -> None:
        super().__init__()
        self.second = second
        self.convolution = nn.Conv2d(8, 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        once: Tensor = self.convolution(images)
        twice: Tensor = self.convolution(once)
        return twice if self.second == "on" else once * torch.sigmoid(twice)


class Scanned(nn.Module):
    """A convolution before a scan, which gives the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 3, 1)
        self.rates = nn.Parameter(-torch.ones(1, 3, 1))

    def forward(self, images: Tensor) -> Tensor:
        rows = self.before(images).permute(0, 2, 3, 1).reshape(-1, 1, HW[0] * HW[1], 3)
        shared = rows[..., :1]
        y = selective_scan(rows, torch.ones_like(rows), self.rates, shared, shared, self.rates[:, :, 0])
        return y.reshape(-1, *HW, 3).permute(0, 3, 1, 2)[:, :1]


class Doubled(nn.Conv2d):
    """A convolution that does more than one."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


class Functional(nn.Module):
    """A convolution whose weights belong to no convolution module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 8, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, self.weight)


def test_first_layer_and_head_are_left_alone_and_the_rest_is_quantizable() -> None:
    choice = around(nn.Conv2d(8, 8, 3))
    assert choice.quantizable == ("judged",)
    assert choice.left_alone == {
        "first": "it reads 3 channels, as a first layer does",
        "head": "a head: it feeds the output",
    }


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv2d(8, 8, 3, groups=8), "a convolution in 8 groups"),
        (nn.Conv2d(8, 8, 3, groups=2), "a convolution in 2 groups"),
        (nn.ConvTranspose2d(8, 8, 2, stride=2), "a transposed convolution"),
        (Doubled(8, 8, 1), "no plain 2-D convolution, but conv2d in Doubled"),
        (Functional(), "no plain 2-D convolution, but conv2d in Functional"),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 1)), "no plain 2-D convolution, but conv2d in Para"),
        (nn.Linear(32, 32), "no plain 2-D convolution, but linear in Linear"),
    ],
)
def test_what_is_no_plain_dense_convolution_is_left_alone(layer: nn.Module, reason: str) -> None:
    choice = around(layer)
    assert choice.quantizable == ()
    assert choice.left_alone["judged"].startswith(reason)


@pytest.mark.parametrize("gate", ["sigmoid", "hardsigmoid", "softmax", "threshold"])
def test_a_layer_that_feeds_only_a_gate_is_left_alone(gate: str) -> None:
    choice = around(Gated(pooled=False, gate=gate))
    assert choice.quantizable == ("judged.features",)
    assert choice.left_alone["judged.weigh"] == "a gate: it feeds nothing but shares or decisions"


def test_a_layer_on_pooled_features_is_left_alone() -> None:
    assert around(Gated(pooled=True, gate="relu")).left_alone["judged.weigh"] == (
        "attention: its input is pooled to 1 x 1"
    )


def test_an_activation_that_is_no_gate_does_not_hide_the_layer_behind_it() -> None:
    for activation in (nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.BatchNorm2d(8)):
        assert around(nn.Sequential(nn.Conv2d(8, 8, 1), activation)).quantizable == ("judged.0",)


def test_a_scan_is_a_layer_that_the_one_before_it_feeds() -> None:
    assert quantizable_layers(Scanned(), HW).left_alone == {"before": "it reads 3 channels, as a first layer does"}


def test_a_layer_used_twice_counts_once() -> None:
    assert around(Shared("on")).quantizable == ("judged.convolution",)


def test_a_layer_that_is_a_gate_at_one_of_its_uses_is_left_alone() -> None:
    choice = around(Shared("gate"))
    assert choice.quantizable == ()
    assert choice.left_alone["judged.convolution"].startswith("a gate")


def test_a_layer_under_two_names_goes_by_the_first() -> None:
    layer = nn.Conv2d(8, 8, 1)
    assert around(nn.Sequential(layer, nn.ReLU(), layer)).quantizable == ("judged.0",)


def test_the_network_is_left_as_it_was() -> None:
    network = Around(nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)))
    before = copy.deepcopy(network.state_dict())
    quantizable_layers(network, HW)
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_network_that_torch_cannot_export_is_named() -> None:
    class Undecided(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images if images.mean() > 0 else -images

    with pytest.raises(InputError, match=r"cannot choose the layers of Undecided to quantize: torch\.export stops"):
        quantizable_layers(Undecided(), HW)


# How many of each network, small as in benchmarks/learning.py, counted by hand in its source.
@pytest.mark.parametrize(
    ("name", "options", "count", "among", "not_among"),
    [
        ("scsonet", {}, 38, "encoder4.0.1.pointwise_rich", "encoder4.0.1.grouped"),
        ("unet", {"base": 8}, 17, "bottleneck.0", "up.0"),
        ("ulffn", {"base": 8}, 25, "decoders.0.spread", "attention.expand"),
        ("hhbsnet", {"decoder": 32}, 46, "backbone.features.2.conv.0.0", "attention.spatial.3"),
        ("cmssm", {"channels": 8, "ratio": 2}, 3, "attentions.0.describe", "embedding.project"),
    ],
)
def test_the_projects_networks_have_their_layers(
    name: str, options: Mapping[str, Any], count: int, among: str, not_among: str
) -> None:
    choice = quantizable_layers(create(name, 1, **options), (64, 64))
    assert len(choice.quantizable) == count
    assert among in choice.quantizable
    assert not_among in choice.left_alone
    assert not set(choice.quantizable) & choice.left_alone.keys()
