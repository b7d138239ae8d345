"""The state-space network: the papers' sizes, what each switch removes, and that it learns."""

from typing import Any

import pytest
import torch
from torch import nn

from skinseg_edge.networks.blocks.conv_mixing import ConvMixing
from skinseg_edge.networks.blocks.coordinate_attention import CoordinateAttention
from skinseg_edge.networks.blocks.drop_path import DropPath
from skinseg_edge.networks.blocks.patches import PatchExpanding, PatchMerging
from skinseg_edge.networks.blocks.squeeze_excitation import SqueezeExcitation
from skinseg_edge.networks.cmssm import CMSSM
from skinseg_edge.networks.features import GivesFeatures
from tests.edge.networks.overfitting import overfit


def tiny(classes: int = 1, *, channels: int = 8, **options: Any) -> CMSSM:
    """Return a network of the full layout, narrow and one block a stage."""
    return CMSSM(classes, channels, (1, 1, 1, 1), (1, 1, 1, 1), ratio=2, **options)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def without_memory(**options: Any) -> CMSSM:
    """Return a network whose weights take no memory: only their shapes count."""
    with torch.device("meta"):
        return CMSSM(**options)


class TestParameterCounts:
    @pytest.mark.parametrize(("ratio", "count"), [(4, 54_338_257), (2, 41_716_753), (1, 35_406_001)])
    def test_of_the_whole_network(self, ratio: int, count: int) -> None:
        assert parameters(without_memory(ratio=ratio)) == count

    def test_with_every_switch_off_it_is_vm_unet(self) -> None:
        assert parameters(without_memory(squeeze=False, mixing=False, cross_attention=False)) == 27_427_561

    def test_of_the_small_variant(self) -> None:
        assert parameters(without_memory(channels=24, ratio=2)) == 3_095_308


class TestSwitches:
    @pytest.mark.parametrize(
        ("switch", "block", "count"),
        [("squeeze", SqueezeExcitation, 8), ("mixing", ConvMixing, 8), ("cross_attention", CoordinateAttention, 3)],
    )
    def test_each_removes_its_own_blocks_and_nothing_else(
        self, switch: str, block: type[nn.Module], count: int
    ) -> None:
        with_all, without = tiny(), tiny(**{switch: False})
        removed = [module for module in with_all.modules() if isinstance(module, block)]
        assert len(removed) == count
        assert not any(isinstance(module, block) for module in without.modules())
        lost = {name for name in with_all.state_dict() if name not in without.state_dict()}
        assert without.state_dict().keys() < with_all.state_dict().keys()
        parts = {"squeeze": ".scan.squeeze.", "mixing": ".mixing", "cross_attention": "attentions."}
        assert all(parts[switch] in name for name in lost)

    def test_one_state_dict_fits_with_and_without_checkpointing(self) -> None:
        assert tiny(checkpointing=True).state_dict().keys() == tiny().state_dict().keys()


class TestForward:
    @pytest.mark.parametrize(("classes", "hw"), [(1, (32, 32)), (3, (64, 96))])
    def test_logits_have_one_map_a_class_at_input_size(self, classes: int, hw: tuple[int, int]) -> None:
        assert tiny(classes).eval()(torch.randn(2, 3, *hw)).shape == (2, classes, *hw)

    def test_a_size_that_leaves_no_whole_grid_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"cannot segment 64 x 48 px: .* multiples of 32"):
            tiny()(torch.zeros(1, 3, 64, 48))

    def test_a_pictures_logits_do_not_depend_on_its_batch(self) -> None:
        network = tiny().eval()
        images = torch.randn(3, 3, 32, 32)
        torch.testing.assert_close(network(images)[1:2], network(images[1:2]), atol=1e-5, rtol=1e-4)

    def test_a_constant_picture_gives_finite_logits(self) -> None:
        assert tiny().eval()(torch.zeros(1, 3, 32, 32)).isfinite().all()

    def test_half_weights_give_nearly_the_same_probabilities(self) -> None:
        network = tiny().eval()
        images = torch.randn(1, 3, 64, 64)
        expected = network(images).sigmoid()
        got = network.half()(images.half()).sigmoid().float()
        assert (got - expected).abs().max() < 5e-3

    def test_bfloat16_autocast_trains_with_finite_gradients(self) -> None:
        network = tiny()
        with torch.autocast("cpu", torch.bfloat16):
            loss = network(torch.randn(2, 3, 32, 32)).square().mean()
        loss.backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


class TestTraining:
    def test_every_weight_gets_a_gradient(self) -> None:
        network = tiny(drop_path=0.0)
        network(torch.randn(2, 3, 32, 32)).square().mean().backward()
        assert [name for name, weight in network.named_parameters() if weight.grad is None] == []

    def test_checkpointing_changes_no_gradient_and_draws_no_other_branches(self) -> None:
        images = torch.randn(2, 3, 32, 32)
        networks = [tiny(checkpointing=checkpointing, drop_path=0.5) for checkpointing in (True, False)]
        networks[1].load_state_dict(networks[0].state_dict())
        for network in networks:
            torch.manual_seed(3)
            network(images).square().mean().backward()
        for ours, theirs in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
            torch.testing.assert_close(ours.grad, theirs.grad)

    def test_features_are_the_blocks_in_order_and_the_last_upsampled_map(self) -> None:
        network = tiny().eval()
        assert isinstance(network, GivesFeatures)
        images = torch.randn(1, 3, 64, 64)
        logits, maps = network.forward_features(images)
        assert torch.equal(logits, network(images))
        sides = [(8, 16), (16, 8), (32, 4), (64, 2), (64, 2), (32, 4), (16, 8), (8, 16)]
        assert [tuple(each.shape) for each in maps.blocks] == [(1, width, side, side) for width, side in sides]
        assert len(maps.students) == 7
        assert all(student is block for student, block in zip(maps.students, maps.blocks, strict=False))
        assert maps.teacher.shape == (1, 2, 64, 64)

    def test_feature_distillation_reaches_every_block(self) -> None:
        network = tiny(drop_path=0.0)
        _, maps = network.forward_features(torch.randn(2, 3, 32, 32))
        torch.stack([each.square().mean() for each in maps.blocks]).sum().backward()  # type: ignore[no-untyped-call]  # unannotated in torch
        blind = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is None}
        assert blind == {"final_expanding", "head"}

    @pytest.mark.slow
    def test_four_pictures_are_learnt_by_heart(self) -> None:
        assert overfit(tiny(channels=16, drop_path=0.0), 1, side=32, steps=60) > 0.95


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"channels": 10}, "channels must be a multiple of 4; got 10"),
        ({"encoder_depths": (2, 2, 2)}, r"takes 4 depths a side, each 1 or more; got \(2, 2, 2\)"),
        ({"decoder_depths": (2, 2, 2, 0)}, r"each 1 or more; got \(2, 2, 2, 0\)"),
        ({"ratio": 0}, "ratio and scan_state must be 1 or more; got 0 and 16"),
        ({"drop_path": 1.0}, r"drop_path must lie in \[0, 1\); got 1.0"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CMSSM(**options)


class TestBlocks:
    def test_merging_goes_down_the_left_column_first(self) -> None:
        merging = PatchMerging(1)
        merging.norm, merging.reduce = nn.Identity(), nn.Identity()  # type: ignore[assignment]  # to see the order
        tokens = torch.tensor([[1.0, 3.0], [2.0, 4.0]]).reshape(1, 2, 2, 1)
        assert merging(tokens).flatten().tolist() == [1, 2, 3, 4]

    def test_expanding_lays_a_tokens_channels_out_row_by_row(self) -> None:
        expanding = PatchExpanding(4, 1)
        expanding.widen, expanding.norm = nn.Identity(), nn.Identity()  # type: ignore[assignment]  # to see the order
        tokens = torch.arange(8.0).reshape(1, 1, 2, 4)
        assert expanding(tokens).reshape(2, 4).tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]]

    def test_squeeze_excitation_keeps_at_least_one_hidden_number(self) -> None:
        assert SqueezeExcitation(8).reduce.out_features == 1
        assert SqueezeExcitation(64).reduce.out_features == 4

    def test_coordinate_attention_weighs_rows_and_columns_apart(self) -> None:
        attention = CoordinateAttention(3).eval()
        features = torch.randn(2, 3, 5, 7)
        weights = attention(features) / features
        # a(row) * b(column): every 2 x 2 minor vanishes
        minor = weights[:, :, :-1, :-1] * weights[:, :, 1:, 1:] - weights[:, :, :-1, 1:] * weights[:, :, 1:, :-1]
        torch.testing.assert_close(minor, torch.zeros_like(minor), atol=1e-6, rtol=0)

    def test_drop_path_keeps_the_mean_and_leaves_whole_pictures_out(self) -> None:
        path = DropPath(0.25).train()
        kept = path(torch.ones(4000, 2))
        assert sorted(kept.unique().tolist()) == pytest.approx([0, 4 / 3])
        assert torch.equal(kept[:, 0], kept[:, 1])
        assert kept.mean() == pytest.approx(1, abs=0.05)
        assert torch.equal(path.eval()(kept), kept)
