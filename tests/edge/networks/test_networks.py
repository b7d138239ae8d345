"""The shipped networks: sizes from the papers and their code, and every block against its naive formulation."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge import networks
from skinseg_edge.errors import InputError, UnknownName
from skinseg_edge.networks import SCSONet, UNet, registry
from skinseg_edge.networks.blocks import (
    EMA,
    ChannelReconstruction,
    ODConv3x3,
    PConv,
    SpatialChannelBridge,
    SpatialReconstruction,
)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


class TestParameterCounts:
    def test_scsonet_has_the_159439_parameters_of_its_published_code(self) -> None:
        assert parameters(networks.create("scsonet")) == 159_439

    def test_unet_of_the_ham10000_paper_has_31037633(self) -> None:
        assert parameters(networks.create("unet")) == 31_037_633

    def test_unet_base_32_with_biases_has_the_7765985_of_the_isic_tables(self) -> None:
        assert parameters(networks.create("unet", base=32, convolution_bias=True)) == 7_765_985


class TestShapes:
    @pytest.mark.parametrize("hw", [(64, 64), (32, 96)])
    @pytest.mark.parametrize("name", ["scsonet", "unet"])
    def test_logits_have_one_map_a_class_at_input_size(self, name: str, hw: tuple[int, int]) -> None:
        options = {"base": 4} if name == "unet" else {}
        network = networks.create(name, 3, **options).eval()
        assert network(torch.randn(2, 3, *hw)).shape == (2, 3, *hw)

    def test_a_pictures_logits_do_not_depend_on_its_batch(self) -> None:
        network = SCSONet().eval()
        images = torch.randn(3, 3, 64, 64)
        torch.testing.assert_close(network(images)[1:2], network(images[1:2]), atol=1e-4, rtol=1e-3)

    def test_every_weight_but_the_hard_gates_gets_a_gradient(self) -> None:
        network = SCSONet()
        network(torch.randn(2, 3, 64, 64)).square().mean().backward()
        without = {name for name, weight in network.named_parameters() if weight.grad is None}
        # The spatial reconstruction compares: no gradient passes, in the published code either.
        assert without
        assert all(name.endswith(("0.gamma", "0.beta")) for name in without)

    def test_a_constant_picture_gives_finite_logits(self) -> None:
        assert SCSONet().eval()(torch.zeros(1, 3, 64, 64)).isfinite().all()


def test_odconv_equals_a_convolution_with_weights_made_for_each_picture() -> None:
    block = ODConv3x3(4, 6).eval()
    features = torch.randn(2, 4, 9, 7)
    expected = torch.cat([_odconv_reference(block, features[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(block(features), expected, atol=1e-5, rtol=1e-4)


def _odconv_reference(block: ODConv3x3, features: Tensor) -> Tensor:
    """ODConv as published: attentions multiply the kernel (Li et al. 2022, equation 3)."""
    hidden = F.relu(block.norm(block.squeeze(features.mean((2, 3), keepdim=True))))
    channel = block.channel_attention(hidden).sigmoid().reshape(1, -1, 1, 1)
    spatial = block.spatial_attention(hidden).sigmoid().reshape(1, 1, 3, 3)
    filters = block.filter_attention(hidden).sigmoid().reshape(-1, 1, 1, 1)
    return F.conv2d(features, block.weight * channel * spatial * filters, padding=1)


def test_spatial_reconstruction_equals_the_published_loop_over_groups() -> None:
    block = SpatialReconstruction(24)
    nn.init.normal_(block.beta)
    features = torch.randn(2, 24, 8, 8, dtype=torch.float64)
    flat = features.reshape(2, 16, -1)
    normalised = (flat - flat.mean(2, keepdim=True)) / (flat.std(2, keepdim=True) + 1e-10)
    value = (normalised.reshape(features.shape) * block.gamma + block.beta) * (block.gamma / sum(block.gamma))
    kept = torch.where(value.sigmoid() >= 0.5, features, 0)
    rest = features - kept
    expected = torch.cat((kept[:, :12] + rest[:, 12:], kept[:, 12:] + rest[:, :12]), 1)
    torch.testing.assert_close(block.double()(features), expected)


def test_channel_reconstruction_weighs_all_2c_channels_by_one_softmax() -> None:
    block = ChannelReconstruction(16)
    features = torch.randn(2, 16, 5, 5)
    rich_input = F.conv2d(features[:, :8], block.squeeze_rich.weight)
    cheap_input = F.conv2d(features[:, 8:], block.squeeze_cheap.weight)
    rich = block.grouped(rich_input) + block.pointwise_rich(rich_input)
    both = torch.cat((rich, block.pointwise_cheap(cheap_input), cheap_input), 1)
    weights = both.mean((2, 3)).softmax(1)
    assert torch.allclose(weights.sum(1), torch.ones(2))
    expected = torch.einsum("nchw,nc->nchw", both, weights).reshape(2, 2, 16, 5, 5).sum(1)
    torch.testing.assert_close(block(features), expected)


def test_pconv_leaves_the_second_half_of_the_channels_untouched() -> None:
    block = PConv(8)
    features = torch.randn(1, 8, 6, 6)
    result = block(features)
    assert torch.equal(result[:, 4:], features[:, 4:])
    assert not torch.allclose(result[:, :4], features[:, :4])


def test_ema_equals_the_published_form_that_folds_groups_into_the_batch() -> None:
    block = EMA(24).eval()
    nn.init.normal_(block.norm.weight)
    nn.init.normal_(block.norm.bias)
    features = torch.randn(2, 24, 6, 10)
    torch.testing.assert_close(block(features), _ema_reference(block, features), atol=1e-5, rtol=1e-4)


def _ema_reference(block: EMA, features: Tensor) -> Tensor:
    batch, channels, height, width = features.shape
    grouped = features.reshape(batch * 8, channels // 8, height, width)
    rows = grouped.mean(3, keepdim=True)
    columns = grouped.mean(2, keepdim=True).permute(0, 1, 3, 2)
    rows, columns = block.directional(torch.cat((rows, columns), 2)).split((height, width), 2)
    first = block.norm(grouped * rows.sigmoid() * columns.permute(0, 1, 3, 2).sigmoid())
    second = block.local(grouped)
    first_weight = first.mean((2, 3)).softmax(1)
    second_weight = second.mean((2, 3)).softmax(1)
    related = torch.einsum("gc,gchw->ghw", first_weight, second) + torch.einsum("gc,gchw->ghw", second_weight, first)
    return (grouped * related.unsqueeze(1).sigmoid()).reshape(features.shape)


def test_bridge_adds_both_attentions_to_every_skip() -> None:
    widths = (4, 8)
    block = SpatialChannelBridge(widths)
    skips = [torch.randn(2, 4, 16, 16), torch.randn(2, 8, 8, 8)]
    spatial = [
        block.spatial(torch.cat((skip.mean(1, True), skip.max(1, True).values), 1)).sigmoid() * skip for skip in skips
    ]
    joined = [spatial[i] + skips[i] for i in range(2)]
    pooled = torch.cat([each.mean((2, 3)) for each in joined], 1).unsqueeze(1)
    mixed = F.conv1d(pooled, block.mix_levels.weight, padding=1).squeeze(1)
    for i, result in enumerate(block(skips)):
        layer = block.channel[i]
        assert isinstance(layer, nn.Conv2d)
        attention = F.linear(mixed, layer.weight.flatten(1), layer.bias).sigmoid()
        torch.testing.assert_close(result, attention[:, :, None, None] * joined[i] + spatial[i])


class TestRegistry:
    def test_names_are_sorted_and_hold_the_shipped_networks(self) -> None:
        assert networks.names() == tuple(sorted(networks.names()))
        assert {"scsonet", "unet"} <= set(networks.names())

    def test_an_unknown_network_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(UnknownName, match=r"'scsonett'.*scsonet.*did you mean 'scsonet'"):
            networks.create("scsonett")

    def test_an_option_that_a_network_does_not_have_is_refused_by_name(self) -> None:
        with pytest.raises(InputError, match="colour"):
            networks.create("unet", colour="red")

    def test_wrong_widths_are_refused_with_the_rule(self) -> None:
        with pytest.raises(InputError, match="multiples of 4, from the third on of 8"):
            networks.create("scsonet", widths=(8, 16, 20, 32, 48, 64))
        with pytest.raises(InputError, match="6 widths"):
            networks.create("scsonet", widths=(8, 16))

    def test_zero_classes_are_refused(self) -> None:
        with pytest.raises(InputError, match="classes is 0"):
            networks.create("unet", 0)

    @pytest.mark.parametrize("value", ["off", "no", 1, None])
    def test_a_switch_that_is_no_truth_value_is_refused_instead_of_being_on(self, value: object) -> None:
        with pytest.raises(InputError, match=r"gcsa is .*, expected true or false; it is true when left out"):
            networks.create("hhbsnet", 1, gcsa=value)

    @pytest.mark.parametrize("base", [0, -1])
    def test_a_width_of_nothing_is_refused(self, base: int) -> None:
        with pytest.raises(InputError, match="cannot create network 'unet' with"):
            networks.create("unet", base=base)

    def test_the_classes_of_a_hostile_header_are_no_option(self) -> None:
        with pytest.raises(InputError, match="multiple values for argument 'classes'"):
            networks.create("unet", 1, classes=3)

    def test_a_users_network_is_created_under_its_name_and_the_name_is_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry, "_factories", dict(registry._factories))

        class Mine(nn.Conv2d):
            def __init__(self, classes: int = 1, kernel: int = 1) -> None:
                super().__init__(3, classes, kernel, padding=kernel // 2)

        networks.register("mine", Mine)
        assert networks.create("mine", 2, kernel=3)(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 8, 8)
        networks.register("mine", Mine)
        with pytest.raises(InputError, match="taken"):
            networks.register("mine", UNet)

    def test_options_that_went_through_json_still_fit(self) -> None:
        assert isinstance(networks.create("scsonet", widths=[8, 16, 24, 32, 48, 64]), SCSONet)
