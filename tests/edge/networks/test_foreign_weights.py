"""Weights under other people's names: they find their place, compute what they did, and misfits are named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch, FileMissing
from skinseg_edge.networks import HHBSNet
from skinseg_edge.networks.blocks import MobileNetV2
from skinseg_edge.networks.checkpoint import load_checkpoint, save_checkpoint
from skinseg_edge.networks.foreign_weights import load_initial_weights, renamed
from tests.edge.networks.public_scsonet import probabilities_by_definition, random_public_state

Write = Callable[[dict[str, Tensor]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(state: dict[str, Tensor]) -> Path:
        path = tmp_path / "foreign.pth"
        torch.save(state, path)
        return path

    return written


class TestTorchvisionMobileNet:
    def test_the_layout_written_here_has_the_parameters_that_torchvision_documents(self) -> None:
        state = torchvision_state()
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        assert sum(weight.numel() for name, weight in state.items() if not name.endswith(buffers)) == 3_504_872

    def test_its_weights_become_the_backbone_and_the_rest_stays_fresh(self, write: Write) -> None:
        state, network = torchvision_state(), HHBSNet(6, decoder=16)
        fresh = {name: weight.clone() for name, weight in network.state_dict().items()}

        loaded = load_initial_weights(network, "hhbsnet", write(state))

        # 51 convolutions, each with the five tensors of its normalisation.
        assert loaded == "the 306 tensors of hhbsnet's backbone from foreign.pth; the rest is fresh"
        for name, weight in network.state_dict().items():
            expected = state[name.removeprefix("backbone.")] if name.startswith("backbone.") else fresh[name]
            assert torch.equal(weight, expected), name

    def test_the_backbone_then_computes_mobilenetv2_layer_by_layer(self) -> None:
        state = {name: weight.double() for name, weight in torchvision_state().items()}
        backbone = MobileNetV2(32).double().eval()
        inner = {name.removeprefix("backbone."): weight for name, weight in renamed("hhbsnet", state).items()}
        backbone.load_state_dict(inner)
        images = torch.randn(1, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        expected = mobilenet_by_definition(state, images)
        for tap, layer in zip(backbone(images), (3, 6, 13, 17), strict=True):
            torch.testing.assert_close(tap, expected[layer])
        assert expected[17].abs().max() > 1e-3  # something arrives at the end

    def test_weights_that_lack_a_layer_are_refused_by_its_name(self, write: Write) -> None:
        state = torchvision_state()
        del state["features.7.conv.2.weight"]
        with pytest.raises(
            CheckpointMismatch,
            match=r"foreign\.pth into the backbone of hhbsnet: 1 weights missing \(first: features\.7\.conv\.2\.weight",
        ):
            load_initial_weights(HHBSNet(decoder=16), "hhbsnet", write(state))

    def test_weights_of_a_wider_mobilenet_are_refused_with_both_shapes(self, write: Write) -> None:
        state = torchvision_state()
        state["features.0.0.weight"] = torch.zeros(48, 3, 3, 3)
        with pytest.raises(CheckpointMismatch, match=r"features\.0\.0\.weight is \(48, 3, 3, 3\), expected \(32, 3, 3"):
            load_initial_weights(HHBSNet(decoder=16), "hhbsnet", write(state))

    def test_a_backbone_alone_is_no_checkpoint(self, write: Write) -> None:
        with pytest.raises(CheckpointMismatch, match=r"into hhbsnet: .*weights missing"):
            load_checkpoint(write(torchvision_state()), network_name="hhbsnet")


class TestPublicSCSONet:
    @pytest.fixture
    def public(self) -> dict[str, Tensor]:
        return random_public_state(torch.Generator().manual_seed(11))

    def test_its_names_are_those_of_159439_parameters(self, public: dict[str, Tensor]) -> None:
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        assert sum(weight.numel() for name, weight in public.items() if not name.endswith(buffers)) == 159_439

    def test_the_mapped_weights_compute_what_the_public_network_does(self, public: dict[str, Tensor]) -> None:
        network = networks.create("scsonet").double().eval()
        network.load_state_dict(renamed("scsonet", public))
        image = torch.rand(1, 3, 96, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) * 255
        expected = probabilities_by_definition(public, image)
        assert expected.std() > 1e-3  # not saturated
        torch.testing.assert_close(network(image).sigmoid(), expected)

    def test_a_public_checkpoint_loads_with_the_input_range_it_was_trained_on(
        self, public: dict[str, Tensor], write: Write
    ) -> None:
        loaded = load_checkpoint(write(public), network_name="scsonet")
        std = (1 / 255, 1 / 255, 1 / 255)
        assert loaded.contract == ModelContract(input_hw=(256, 256), mean=(0.0, 0.0, 0.0), std=std)
        assert torch.equal(loaded.network.state_dict()["head.weight"], public["final.weight"].float())

    def test_a_contract_that_is_given_goes_before_the_usual_one(self, public: dict[str, Tensor], write: Write) -> None:
        contract = ModelContract(input_hw=(64, 64))
        assert load_checkpoint(write(public), network_name="scsonet", contract=contract).contract == contract

    def test_a_training_state_of_several_gpus_loads_as_well(self, public: dict[str, Tensor], tmp_path: Path) -> None:
        path = tmp_path / "latest.pth"
        weights = {f"module.{name}": weight for name, weight in public.items()}
        torch.save({"epoch": 300, "model_state_dict": weights, "optimizer_state_dict": {"state": {}}}, path)
        network = networks.create("scsonet")
        assert load_initial_weights(network, "scsonet", path) == "all 169 tensors of scsonet from latest.pth"
        assert torch.equal(network.state_dict()["head.weight"], public["final.weight"].float())

    def test_a_public_checkpoint_that_lacks_a_weight_is_refused_by_our_name(
        self, public: dict[str, Tensor], write: Write
    ) -> None:
        del public["scab.catt.att3.weight"]
        with pytest.raises(CheckpointMismatch, match=r"1 weights missing \(first: bridge\.channel\.2\.weight"):
            load_checkpoint(write(public), network_name="scsonet")


class TestOwnWeights:
    def test_a_checkpoint_of_this_project_starts_a_network_whole(self, tmp_path: Path) -> None:
        trained, fresh = networks.create("unet", base=4), networks.create("unet", base=4)
        path = tmp_path / "best.safetensors"
        contract = ModelContract(input_hw=(64, 64))
        save_checkpoint(path, trained.state_dict(), network_name="unet", contract=contract, options={"base": 4})
        assert load_initial_weights(fresh, "unet", path).startswith("all ")
        assert all(torch.equal(fresh.state_dict()[name], weight) for name, weight in trained.state_dict().items())

    def test_a_checkpoint_of_another_network_is_refused_by_both_names(self, tmp_path: Path) -> None:
        path = tmp_path / "best.safetensors"
        state = networks.create("unet", base=4).state_dict()
        save_checkpoint(path, state, network_name="unet", contract=ModelContract(input_hw=(64, 64)))
        with pytest.raises(CheckpointMismatch, match=r"best\.safetensors into scsonet: its weights are those of unet"):
            load_initial_weights(networks.create("scsonet"), "scsonet", path)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FileMissing, match=r"absent\.pth: there is no such file"):
            load_initial_weights(networks.create("unet", base=4), "unet", tmp_path / "absent.pth")

    def test_a_backbone_saved_by_hand_is_taken_for_what_it_is(self, tmp_path: Path) -> None:
        donor, network = HHBSNet(decoder=16), HHBSNet(decoder=16)
        path = tmp_path / "backbone.safetensors"
        save_file({name: each for name, each in donor.state_dict().items() if name.startswith("backbone.")}, path)
        assert "backbone" in load_initial_weights(network, "hhbsnet", path)
        assert torch.equal(network.backbone.state_dict()["features.0.0.weight"], donor.backbone.features[0][0].weight)  # type: ignore[index]

    def test_an_empty_file_is_refused(self, write: Write) -> None:
        with pytest.raises(CheckpointMismatch, match="weights missing"):
            load_initial_weights(HHBSNet(decoder=16), "hhbsnet", write({}))


# --- torchvision's MobileNetV2, from its documented layout: expansion, channels, blocks, stride of the first ---------

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def torchvision_state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    state: dict[str, Tensor] = {}
    for convolution, norm, shape in torchvision_layers():
        fan_in = shape[1] * shape[2] * shape[3]
        state[f"{convolution}.weight"] = torch.randn(*shape, generator=generator) * (2 / fan_in) ** 0.5
        state[f"{norm}.weight"] = torch.rand(shape[0], generator=generator) + 0.5
        state[f"{norm}.bias"] = torch.randn(shape[0], generator=generator)
        state[f"{norm}.running_mean"] = torch.randn(shape[0], generator=generator)
        state[f"{norm}.running_var"] = torch.rand(shape[0], generator=generator) + 0.5
        state[f"{norm}.num_batches_tracked"] = torch.tensor(9)
    state["classifier.1.weight"], state["classifier.1.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return state


def torchvision_layers() -> Iterator[tuple[str, str, tuple[int, int, int, int]]]:
    """Yield the name of each convolution, that of its normalisation, and the weight's shape."""
    yield "features.0.0", "features.0.1", (32, 3, 3, 3)
    for index, before, after, expansion, _ in torchvision_blocks():
        name, hidden = f"features.{index}.conv", before * expansion
        if expansion > 1:
            yield f"{name}.0.0", f"{name}.0.1", (hidden, before, 1, 1)
        last = 2 if expansion > 1 else 1
        yield f"{name}.{last - 1}.0", f"{name}.{last - 1}.1", (hidden, 1, 3, 3)
        yield f"{name}.{last}", f"{name}.{last + 1}", (after, hidden, 1, 1)
    yield "features.18.0", "features.18.1", (1280, 320, 1, 1)


def torchvision_blocks() -> Iterator[tuple[int, int, int, int, int]]:
    """Yield layer, channels before and after, expansion and stride of each inverted residual."""
    index, before = 1, 32
    for expansion, after, blocks, first_stride in STAGES:
        for block in range(blocks):
            yield index, before, after, expansion, first_stride if block == 0 else 1
            index, before = index + 1, after


def mobilenet_by_definition(state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """Return the output of each layer 0 to 17, by the names of torchvision."""

    def layer(features: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{convolution}.weight"]
        groups = features.shape[1] // weight.shape[1]
        features = F.conv2d(features, weight, stride=stride, padding=weight.shape[2] // 2, groups=groups)
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        return F.batch_norm(features, mean, variance, state[f"{norm}.weight"], state[f"{norm}.bias"])

    outputs = [layer(images, "features.0.0", "features.0.1", 2).clamp(0, 6)]
    for index, before, after, expansion, stride in torchvision_blocks():
        name, features = f"features.{index}.conv", outputs[-1]
        if expansion > 1:
            features = layer(features, f"{name}.0.0", f"{name}.0.1").clamp(0, 6)
        last = 2 if expansion > 1 else 1
        features = layer(features, f"{name}.{last - 1}.0", f"{name}.{last - 1}.1", stride).clamp(0, 6)
        features = layer(features, f"{name}.{last}", f"{name}.{last + 1}")
        outputs.append(features + outputs[-1] if stride == 1 and before == after else features)
    return outputs
