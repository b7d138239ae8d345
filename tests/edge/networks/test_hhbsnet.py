"""HHBSNet: sizes that follow from the paper, its blocks against naive formulations, and that it learns."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skinseg_edge import networks
from skinseg_edge.errors import InputError
from skinseg_edge.networks import HHBSNet
from skinseg_edge.networks.blocks import GCSA, MobileNetV2, MultiscaleFusion
from tests.edge.networks.overfitting import overfit
from tests.edge.networks.quick_hhbsnet import quick_hhbsnet

BASELINE = {"mcf": False, "gcsa": False, "infuse": False, "global_feature": False, "mid_level": False}


def narrow(classes: int = 1, *, output_stride: int = 16, **switches: bool) -> HHBSNet:
    """The same wiring with less to multiply."""
    return HHBSNet(classes, decoder=32, infusion=16, output_stride=output_stride, **switches)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


class TestParameterCounts:
    def test_six_classes_take_4450585(self) -> None:
        assert parameters(networks.create("hhbsnet", 6)) == 4_450_585

    def test_the_light_decoder_takes_3527705(self) -> None:
        assert parameters(HHBSNet(6, decoder=128)) == 3_527_705

    def test_the_backbone_is_mobilenetv2_without_its_head(self) -> None:
        # torchvision's 3,504,872 less the classifier (1,281,000) and the last convolution (412,160).
        assert parameters(MobileNetV2()) == 3_504_872 - 1_281_000 - 412_160

    @pytest.mark.parametrize(
        ("switch", "less"),
        [
            # The two 1 x 1 convolutions with normalisation, and their share of the decoder's first convolution.
            ({"mid_level": False}, (96 + 32) * 48 + 4 * 48 + 96 * 9 * 256),
            # The MLP of 64 -> 16 -> 64, both 7 x 7 convolutions, both normalisations.
            ({"gcsa": False}, 2 * 64 * 16 + 80 + 2 * 64 * 16 * 49 + 80 + 2 * 80),
            ({"infuse": False}, 320 * 64),
            # The branch, its share of the projection, and attention over 1280 and 80 channels instead of 1024 and 64.
            ({"global_feature": False}, 321 * 256 + 256 * 256 + (2 * 1280 * 80 + 1360) - (2 * 1024 * 64 + 1088)),
            # 956,819 parameters against one 1 x 1 convolution with normalisation.
            ({"mcf": False}, 956_819 - (320 * 256 + 512)),
        ],
    )
    def test_a_switch_removes_what_it_says(self, switch: dict[str, bool], less: int) -> None:
        assert parameters(HHBSNet(6)) - parameters(HHBSNet(6, **switch)) == less

    def test_all_switches_off_leave_encoder_skip_and_decoder(self) -> None:
        without_context = 1_811_712 + (320 * 256 + 512) + (24 * 64 + 128)
        decoder = 320 * 256 * 9 + 512 + 256 * 256 * 9 + 512
        assert parameters(HHBSNet(**BASELINE)) == without_context + decoder + 257


class TestShapes:
    @pytest.mark.parametrize("output_stride", [8, 16, 32])
    @pytest.mark.parametrize("hw", [(64, 64), (32, 96)])
    def test_logits_have_one_map_a_class_at_input_size(self, hw: tuple[int, int], output_stride: int) -> None:
        network = narrow(6, output_stride=output_stride).eval()
        assert network(torch.randn(2, 3, *hw)).shape == (2, 6, *hw)

    def test_the_smallest_picture_is_one_cell_of_the_last_map(self) -> None:
        assert narrow().eval()(torch.randn(1, 3, 16, 16)).shape == (1, 1, 16, 16)

    def test_every_switch_alone_and_all_together_give_logits(self) -> None:
        for options in (*({name: False} for name in BASELINE), BASELINE):
            assert narrow(2, **options).eval()(torch.randn(1, 3, 32, 32)).shape == (1, 2, 32, 32)

    def test_the_output_stride_changes_sizes_but_no_weight(self) -> None:
        coarse, fine = MobileNetV2(32), MobileNetV2(8)
        fine.load_state_dict(coarse.state_dict())
        images = torch.randn(1, 3, 64, 64)
        assert [tuple(each.shape[1:]) for each in coarse(images)] == [(24, 16, 16), (32, 8, 8), (96, 4, 4), (320, 2, 2)]
        assert [tuple(each.shape[1:]) for each in fine(images)] == [(24, 16, 16), (32, 8, 8), (96, 8, 8), (320, 8, 8)]

    def test_a_pictures_logits_do_not_depend_on_its_batch(self) -> None:
        network = narrow(6).eval()
        images = torch.randn(3, 3, 32, 32)
        torch.testing.assert_close(network(images)[1:2], network(images[1:2]), atol=1e-4, rtol=1e-3)

    def test_one_picture_makes_a_training_batch(self) -> None:
        narrow(6).train()(torch.randn(1, 3, 32, 32)).square().mean().backward()

    def test_every_weight_gets_a_gradient(self) -> None:
        network = HHBSNet(6)
        network(torch.randn(2, 3, 64, 64)).square().mean().backward()
        assert [name for name, weight in network.named_parameters() if weight.grad is None] == []

    def test_a_constant_picture_gives_finite_logits(self) -> None:
        assert narrow(6).eval()(torch.zeros(1, 3, 32, 32)).isfinite().all()


def test_fresh_weights_give_logits_that_still_can_go_either_way() -> None:
    logits = HHBSNet(6).train()(torch.randn(4, 3, 64, 64))
    assert 0.3 < logits.detach().std().item() < 2


def test_dilation_begins_behind_the_step_that_is_not_taken() -> None:
    convolutions = [module for module in MobileNetV2(16).modules() if isinstance(module, nn.Conv2d)]
    depthwise = [module for module in convolutions if module.groups > 1]
    assert [module.stride[0] for module in depthwise] == [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert [module.dilation[0] for module in depthwise] == [1] * 14 + [2] * 3
    assert all(module.padding == module.dilation for module in depthwise)


def test_a_dilated_backbone_computes_what_the_strided_one_does_at_every_second_place() -> None:
    # Away from the border, where both see the same pixels, skipping places is all that the stride adds.
    strided, dilated = MobileNetV2(32).double().eval(), MobileNetV2(16).double().eval()
    dilated.load_state_dict(strided.state_dict())
    images = torch.randn(1, 3, 256, 256, dtype=torch.float64)
    torch.testing.assert_close(dilated(images)[3][:, :, ::2, ::2], strided(images)[3])


def test_multiscale_fusion_equals_its_equations_place_by_place() -> None:
    block = MultiscaleFusion(6, 4, (1, 2)).eval()
    _perturb_statistics(block)
    features = torch.randn(2, 6, 7, 5)
    pooled = features.mean((2, 3), keepdim=True)
    assert block.whole is not None
    branches = [block.pixel(features), *(branch(features) for branch in block.dilated)]
    branches.append(torch.relu(block.whole(pooled)).repeat(1, 1, 7, 5))
    joined = torch.cat(branches, 1)
    channel = block.channel(joined.mean((2, 3), keepdim=True)).sigmoid().reshape(2, 16)
    statistics = torch.stack((joined.mean(1), joined.max(1).values), 1)
    spatial = block.spatial(statistics).sigmoid()[:, 0]
    expected = torch.einsum("nchw,nc->nchw", joined, channel) + torch.einsum("nchw,nhw->nchw", joined, spatial)
    torch.testing.assert_close(block(features), block.project(joined + expected))


def test_gcsa_equals_the_published_form_with_linear_layers_and_a_loop_over_channels() -> None:
    block = GCSA(8).eval()
    _perturb_statistics(block)
    features = torch.randn(2, 8, 6, 9)
    torch.testing.assert_close(block(features), _gcsa_reference(block, features), atol=1e-5, rtol=1e-4)


def _gcsa_reference(block: GCSA, features: Tensor) -> Tensor:
    first, _, second = block.channel
    assert isinstance(first, nn.Conv2d)
    assert isinstance(second, nn.Conv2d)
    pixels = features.permute(0, 2, 3, 1)  # N x H x W x C
    hidden = F.linear(pixels, first.weight.flatten(1), first.bias).relu()
    weighed = pixels * F.linear(hidden, second.weight.flatten(1), second.bias).sigmoid()
    weighed = weighed.permute(0, 3, 1, 2)
    # Four groups of two channels: the first of each group, then the second of each.
    shuffled = torch.stack([weighed[:, group * 2 + index] for index in range(2) for group in range(4)], 1)
    attention: Tensor = block.spatial(shuffled).sigmoid()
    return shuffled * attention


def test_infusion_equals_concatenating_the_enlarged_last_features() -> None:
    infusion = narrow().detail.eval()
    first, last = torch.randn(2, 24, 16, 16), torch.randn(2, 320, 4, 4)
    enlarged = F.interpolate(last, size=(16, 16), mode="bilinear", align_corners=True)
    assert infusion.coarse is not None
    weight = torch.cat((infusion.fine.weight, infusion.coarse.weight), 1)
    expected = infusion.norm(F.conv2d(torch.cat((first, enlarged), 1), weight)).relu()
    torch.testing.assert_close(infusion(first, last), expected, atol=1e-4, rtol=1e-4)


def _perturb_statistics(block: nn.Module) -> None:
    """Give every batch normalisation statistics that matter; fresh ones are the identity."""
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)


class TestRefusals:
    def test_an_output_stride_that_does_not_exist(self) -> None:
        with pytest.raises(InputError, match=r"output strides 8, 16, 32; got 12"):
            networks.create("hhbsnet", output_stride=12)

    def test_a_width_that_gcsa_cannot_shuffle(self) -> None:
        with pytest.raises(InputError, match=r"infusion must be a multiple of 4 channels wide; got 6"):
            networks.create("hhbsnet", infusion=6)

    def test_an_empty_decoder(self) -> None:
        with pytest.raises(InputError, match=r"decoder must be 1 or more channels wide; got 0"):
            networks.create("hhbsnet", decoder=0)


@pytest.mark.slow
def test_lesions_of_four_pictures_are_learnt_by_heart() -> None:
    # With six classes it learns them in tests/export/test_hhbsnet_export.py, where what it learnt goes on to a bundle.
    assert overfit(quick_hhbsnet(1), classes=1, side=32, steps=50, learning_rate=1e-2) > 0.95
