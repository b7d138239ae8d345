from pathlib import Path

import pytest
import torch

from skinseg_edge import networks
from skinseg_edge.errors import CheckpointMismatch, ContractInvalid, FileMissing, InputError, UnknownName
from skinseg_export.model_source import Variant, load_model
from tests.edge.networks.public_scsonet import random_public_state
from tests.export.darkness import CONTRACT, Darkness


def test_a_checkpoint_file_brings_its_network_and_contract(checkpoint_path: Path) -> None:
    checkpoint = load_model(str(checkpoint_path))

    assert (checkpoint.network_name, checkpoint.contract, checkpoint.trained) == ("darkness", CONTRACT, True)


def test_a_plain_state_dict_needs_the_network_s_name(tmp_path: Path) -> None:
    torch.save(Darkness().state_dict(), tmp_path / "weights.pt")

    assert load_model(str(tmp_path / "weights.pt"), network="darkness").network_name == "darkness"
    with pytest.raises(CheckpointMismatch, match="name it with --network"):
        load_model(str(tmp_path / "weights.pt"))


def test_weights_of_another_network_are_refused(checkpoint_path: Path, tmp_path: Path) -> None:
    torch.save(Darkness().state_dict(), tmp_path / "weights.pt")

    with pytest.raises(CheckpointMismatch, match=r"weights.pt into unet: .* weights missing"):
        load_model(str(tmp_path / "weights.pt"), network="unet")
    with pytest.raises(CheckpointMismatch, match="into unet: its weights are those of darkness"):
        load_model(str(checkpoint_path), network="unet")


def test_the_public_scsonet_is_exported_with_the_values_it_was_trained_on(tmp_path: Path) -> None:
    torch.save(random_public_state(torch.Generator().manual_seed(2)), tmp_path / "best.pth")

    contract = load_model(str(tmp_path / "best.pth"), network="scsonet").contract

    # x / 255 / (1 / 255): the public code feeds 0 to 255.
    assert (contract.mean, contract.std) == ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))


def test_fresh_weights_are_the_same_every_time_and_leave_the_random_state_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)

    first = load_model("unet", untrained=True)
    drawn = torch.rand(1)
    second = load_model("unet", untrained=True)

    assert (first.trained, first.sha256) == (False, "")
    assert torch.equal(drawn, expected)
    states = zip(first.network.state_dict().values(), second.network.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)


def test_a_network_without_shipped_weights_is_told_apart_from_a_name_nobody_knows() -> None:
    with pytest.raises(UnknownName, match=r"no trained weights of it are shipped .* add --untrained to try targets"):
        load_model("darkness")
    with pytest.raises(UnknownName, match="cannot find the model 'scsonnet'"):
        load_model("scsonnet")
    with pytest.raises(UnknownName, match=r"the network 'scsonnet': known are .*; did you mean 'scsonet'\?"):
        load_model("scsonnet", untrained=True)
    with pytest.raises(FileMissing, match="there is no such file"):
        load_model("nowhere/best.safetensors")


def test_two_names_for_a_fresh_network_contradict_each_other() -> None:
    with pytest.raises(InputError, match="--network says scsonet; leave one of the two out"):
        load_model("unet", network="scsonet", untrained=True)


def test_a_fresh_network_can_be_had_in_any_variant() -> None:
    variant = Variant(options={"base": 8, "cam": False}, classes=("skin", "lesion"), input_size=64)

    checkpoint = load_model("ulffn", untrained=True, variant=variant)

    assert checkpoint.options == {"base": 8, "cam": False}
    assert (checkpoint.contract.input_hw, checkpoint.contract.classes) == ((64, 64), ("skin", "lesion"))
    assert checkpoint.network(torch.zeros(1, 3, 64, 64)).shape == (1, 2, 64, 64)


def test_the_classes_of_melasma_bring_what_counts_as_lesion() -> None:
    classes = ("BACKGROUND", "ET", "HHB", "XB", "LF", "RF")
    assert Variant(classes=classes).contract.lesion_classes == ("HHB",)
    assert Variant(classes=("skin", "lesion")).contract.lesion_classes == ()


def test_a_size_that_the_network_cannot_take_is_refused_before_any_work() -> None:
    with pytest.raises(InputError, match=r"cannot run unet on 250 x 250 px: .*; take another size"):
        load_model("unet", untrained=True, variant=Variant(options={"base": 4}, input_size=250))


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ContractInvalid, match=r"input_hw is \(0, 0\)"):
        load_model("unet", untrained=True, variant=Variant(input_size=0))


def test_a_plain_state_dict_takes_its_options_from_the_command_line(tmp_path: Path) -> None:
    torch.save(networks.create("unet", 2, base=4).state_dict(), tmp_path / "weights.pt")
    variant = Variant(options={"base": 4}, classes=("skin", "lesion"), input_size=32)

    checkpoint = load_model(str(tmp_path / "weights.pt"), network="unet", variant=variant)

    assert (checkpoint.options, checkpoint.contract.input_hw) == ({"base": 4}, (32, 32))


@pytest.mark.parametrize("variant", [Variant(options={"base": 4}), Variant(classes=("a", "b")), Variant(input_size=64)])
def test_a_checkpoint_that_says_its_options_takes_no_others(checkpoint_path: Path, variant: Variant) -> None:
    with pytest.raises(InputError, match="its file says them; leave out --option, --classes and --input-size"):
        load_model(str(checkpoint_path), variant=variant)
