"""What a network costs, against figures worked out by hand and the published ones."""

import pytest
import torch
from torch import Tensor, nn

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_export.cost import graph_cost, network_cost


class _Two(nn.Module):
    """Two convolutions and a sum: 3 -> 4 -> 1 maps at full size."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        wide = self.wide(images)
        logits: Tensor = self.head(wide + wide.flatten(2).view_as(wide))
        return logits


def test_costs_follow_their_definitions() -> None:
    network = _Two()

    cost = network_cost(network, (32, 48))

    pixels = 32 * 48
    assert cost.parameters == (3 * 9 * 4 + 4) + (4 + 1)
    assert cost.macs == pixels * (3 * 9 * 4 + 4)  # biases are additions
    # At the end the picture (3 maps), the first features (4), their sum (4) and the logits; the view takes nothing.
    assert cost.activation_bytes == pixels * (3 + 4 + 4 + 1) * 4


def test_nothing_is_computed_and_the_network_stays_as_it_is() -> None:
    network = _Two().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    network_cost(network, (4096, 4096))

    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


# Counted for these architectures by other hands (thop, the papers' tables), conventions aside.
@pytest.mark.parametrize(
    ("name", "options", "classes", "side", "parameters", "gmacs"),
    [
        ("unet", {"base": 32, "convolution_bias": True}, 1, 256, 7_765_985, 12.07),
        ("ulffn", {}, 2, 512, 31_365_010, 142.4),
        # This project projects the deep features before it enlarges them; after, it would be 30.5.
        ("hhbsnet", {}, 6, 512, 4_450_585, 30.19),
        # The plain form has 0.0828; writing dynamic and grouped convolutions as constant ones costs the rest.
        ("scsonet", {}, 1, 256, 159_439, 0.0989),
        # Products that read the scan's states are counted since they are matrix products; 5.29 without.
        pytest.param(
            "cmssm",
            {"squeeze": False, "mixing": False, "cross_attention": False},
            1,
            256,
            27_427_561,
            5.616,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_networks_of_the_papers_cost_what_is_known_of_them(
    name: str, options: dict[str, object], classes: int, side: int, parameters: int, gmacs: float
) -> None:
    cost = network_cost(networks.create(name, classes, **options), (side, side))
    assert cost.parameters == parameters
    assert cost.macs / 1e9 == pytest.approx(gmacs, rel=1e-3)


def test_the_graph_of_a_small_network_is_counted_and_timed() -> None:
    cost = graph_cost(_Two(), ModelContract(input_hw=(32, 32)), repeats=2, threads=1)
    assert 4 <= cost.nodes <= 12  # cast, transpose, normalise, two convolutions, sum, sigmoid
    assert cost.file_bytes > 4 * 117
    assert cost.median_ms > 0


def test_no_median_of_no_runs() -> None:
    with pytest.raises(ValueError, match="median of 0 runs"):
        graph_cost(_Two(), ModelContract(input_hw=(32, 32)), repeats=0)
