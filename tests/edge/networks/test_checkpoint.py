"""Weights on disk: what is written is read back, what does not belong is refused in a sentence."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save_file

import skinseg_edge
from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import CheckpointMismatch, FileMissing, OutputRefused, SchemaUnknown, UnknownName
from skinseg_edge.networks.checkpoint import load_checkpoint, save_checkpoint, shipped_names

CONTRACT = ModelContract(input_hw=(64, 96), mean=(0.1, 0.2, 0.3), resize="letterbox", threshold=0.4)
OPTIONS = {"base": 4}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    network = networks.create("unet", **OPTIONS)
    save_checkpoint(
        path, network.state_dict(), network_name="unet", contract=CONTRACT, options=OPTIONS, training={"epochs": 3}
    )
    return path


def test_a_checkpoint_comes_back_with_weights_options_contract_and_training(saved: Path) -> None:
    checkpoint = skinseg_edge.load_checkpoint(saved)
    again = skinseg_edge.load_checkpoint(saved)
    assert (checkpoint.network_name, checkpoint.options, checkpoint.contract) == ("unet", OPTIONS, CONTRACT)
    assert checkpoint.training == {"epochs": 3}
    assert len(checkpoint.sha256) == 64
    assert not checkpoint.network.training
    images = torch.randn(1, 3, 64, 96)
    assert torch.equal(checkpoint.network(images), again.network(images))


def test_an_existing_checkpoint_is_not_overwritten_unless_asked(saved: Path) -> None:
    state = networks.create("unet", **OPTIONS).state_dict()
    with pytest.raises(OutputRefused, match="exists"):
        save_checkpoint(saved, state, network_name="unet", contract=CONTRACT, options=OPTIONS)
    save_checkpoint(saved, state, network_name="unet", contract=CONTRACT, options=OPTIONS, overwrite=True)


def test_weights_of_another_network_are_refused_by_both_names(saved: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r"small\.safetensors into scsonet: its weights are those of unet"):
        load_checkpoint(saved, network_name="scsonet")


def test_a_foreign_state_dict_needs_a_network_name(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file(networks.create("unet", **OPTIONS).state_dict(), path)
    with pytest.raises(CheckpointMismatch, match="--network"):
        load_checkpoint(path)


def test_foreign_weights_that_do_not_fit_are_named_with_both_shapes(tmp_path: Path) -> None:
    path = tmp_path / "half.pt"
    torch.save(networks.create("unet", base=8).state_dict(), path)
    with pytest.raises(CheckpointMismatch, match=r"of another shape \(first: .* is \(8, 3, 3, 3\), expected \(64, 3"):
        load_checkpoint(path, network_name="unet")
    with pytest.raises(CheckpointMismatch, match=r"weights missing.*foreign"):
        load_checkpoint(path, network_name="scsonet")


def test_a_plain_torch_state_dict_loads_with_a_named_network(tmp_path: Path) -> None:
    path = tmp_path / "scsonet.pt"
    network = networks.create("scsonet").eval()
    torch.save({"state_dict": network.state_dict()}, path)
    loaded = load_checkpoint(path, network_name="scsonet", contract=CONTRACT)
    images = torch.randn(1, 3, 64, 64)
    assert torch.equal(loaded.network(images), network(images))
    assert loaded.contract == CONTRACT


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (marker,))

    path = tmp_path / "hostile.pt"
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(CheckpointMismatch, match="no plain state dict"):
        load_checkpoint(path, network_name="unet")
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64, (10**6).to_bytes(8, "little") + b"{}"])
def test_a_broken_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointMismatch, match="no whole safetensors file"):
        load_checkpoint(path, network_name="unet")


def test_a_header_nested_beyond_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.safetensors"
    save_file(networks.create("unet", **OPTIONS).state_dict(), path, metadata={"skinseg": "[" * 100_000})
    with pytest.raises(CheckpointMismatch, match="no whole safetensors file"):
        load_checkpoint(path)


def test_a_checkpoint_of_a_later_schema_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "later.safetensors"
    state = networks.create("unet", **OPTIONS).state_dict()
    save_file(state, path, metadata={"skinseg": '{"schema": "skinseg.checkpoint/9"}'})
    with pytest.raises(SchemaUnknown, match=r"skinseg.checkpoint/9.*skinseg.checkpoint/1"):
        load_checkpoint(path)


@pytest.mark.parametrize("part", ["network", "options", "contract", "training"])
def test_a_header_that_lacks_a_part_is_refused_by_its_name(saved: Path, tmp_path: Path, part: str) -> None:
    content = saved.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["skinseg"])
    del header[part]
    path = tmp_path / "headless.safetensors"
    save_file(load(content), path, metadata={"skinseg": json.dumps(header)})
    with pytest.raises(CheckpointMismatch, match=rf"headless\.safetensors: the {part} in its header is None"):
        load_checkpoint(path)


def test_a_header_that_is_no_object_is_of_an_unknown_schema(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.safetensors"
    save_file(load(saved.read_bytes()), path, metadata={"skinseg": "[1]"})
    with pytest.raises(SchemaUnknown, match="its schema is None"):
        load_checkpoint(path)


def test_weights_of_a_diverged_training_are_refused(tmp_path: Path) -> None:
    state = networks.create("unet", **OPTIONS).state_dict()
    state["head.weight"] = state["head.weight"] * float("nan")
    path = tmp_path / "nan.safetensors"
    save_checkpoint(path, state, network_name="unet", contract=CONTRACT, options=OPTIONS)
    with pytest.raises(CheckpointMismatch, match=r"1 weights hold NaN or infinity \(first: head\.weight\)"):
        load_checkpoint(path)


def test_a_bundle_is_told_apart_from_a_missing_checkpoint(tmp_path: Path) -> None:
    bundle = tmp_path / "lesion.skinseg"
    bundle.mkdir()
    with pytest.raises(CheckpointMismatch, match="it is a folder"):
        load_checkpoint(bundle)
    (bundle / "manifest.json").touch()
    with pytest.raises(CheckpointMismatch, match="it is a bundle, which holds no weights"):
        load_checkpoint(bundle)


def test_a_missing_file_is_told_apart_from_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"absent\.safetensors"):
        load_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(UnknownName, match=r"'scsonex'.*shipped"):
        load_checkpoint("scsonex")


def test_every_shipped_checkpoint_loads_and_has_a_card() -> None:
    for name in shipped_names():
        checkpoint = load_checkpoint(name)
        assert checkpoint.trained
        assert checkpoint.card is not None
        assert checkpoint.training["best"]["dice"] > 0.8
