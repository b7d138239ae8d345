from pathlib import Path

import pytest
import torch

from skinseg_edge.errors import CheckpointMismatch, FileMissing, InputError, UnknownName
from skinseg_export.model_source import load_model
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
