import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from skinseg_edge.contract import ModelContract
from skinseg_export import forked_answers
from skinseg_export.deployed_graph import DeployedGraph
from skinseg_export.torch_engine import TorchEngine

_CONTRACT = ModelContract(input_hw=(16, 32), mean=(0.4, 0.5, 0.6), std=(0.25, 0.5, 0.2))


def _image(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (2, 16, 32, 3), np.uint8)


def test_the_network_sees_pixels_scaled_to_one_minus_mean_over_std_channels_first() -> None:
    image = _image()

    probability = DeployedGraph(nn.Identity(), _CONTRACT)(torch.from_numpy(image)).numpy()

    logits = (image / 255 - np.array(_CONTRACT.mean)) / np.array(_CONTRACT.std)
    expected = 1 / (1 + np.exp(-logits.transpose(0, 3, 1, 2)))
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, expected, atol=2e-7)


def test_several_classes_share_one_softmax() -> None:
    contract = ModelContract(input_hw=(16, 32), classes=("skin", "naevus", "melanoma"))

    probability = TorchEngine(nn.Identity(), contract).infer(_image())

    assert probability.shape == (2, 3, 16, 32)
    np.testing.assert_allclose(probability.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("image", [_image()[:, :8], _image().astype(np.float32)])
def test_the_torch_engine_refuses_pictures_of_another_size_or_type(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, \(16, 32\), 3\) uint8"):
        TorchEngine(nn.Identity(), _CONTRACT).infer(image)


def test_the_torch_engine_puts_the_network_into_eval_mode() -> None:
    network = nn.Sequential(nn.Dropout(0.9)).train()

    engine = TorchEngine(network, _CONTRACT)

    np.testing.assert_array_equal(engine.infer(_image()), engine.infer(_image()))


@pytest.mark.parametrize("cores", [1, 2])
def test_a_picture_that_was_answered_ahead_is_not_computed_again_and_others_are(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked_answers, "usable_cores", lambda: cores)
    passes: list[int] = []
    network = nn.Identity()
    network.register_forward_hook(lambda *_: passes.append(1))
    engine = TorchEngine(network, _CONTRACT)
    known, other = _image()
    expected = TorchEngine(nn.Identity(), _CONTRACT).infer(_image())

    with engine.answering_ahead([known]):
        pass
    ahead = len(passes)  # none here where a fork computed it
    first = engine.infer(known[None])
    first[:] = 0  # the caller's own

    np.testing.assert_array_equal(engine.infer(known[None])[0], expected[0])
    assert len(passes) == ahead
    np.testing.assert_array_equal(engine.infer(other[None])[0], expected[1])
    assert len(passes) == ahead + 1


def test_nothing_is_kept_where_the_block_ended_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_answers, "usable_cores", lambda: 1)
    passes: list[int] = []
    network = nn.Identity()
    network.register_forward_hook(lambda *_: passes.append(1))
    engine = TorchEngine(network, _CONTRACT)

    with pytest.raises(ValueError, match="stop"), engine.answering_ahead([_image()[0]]):
        raise ValueError("stop")

    assert passes == []
    engine.infer(_image()[:1])
    assert len(passes) == 1
