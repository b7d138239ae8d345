"""Convolutions that round as the device will: their numbers, their gradients, and how they come and go."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_edge.errors import InputError
from skinseg_edge.networks import create
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_edge.quantization_scales import half_scale
from skinseg_edge.training.quantization_aware import (
    FakeQuantizedConv2d,
    freeze_reaches,
    input_reaches,
    plain_state,
    prepare,
    prepare_all,
)

PLANES = torch.Generator().manual_seed(4)


def rounded(values: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to the nearest of -127 to 127 steps, by hand."""
    return np.clip(np.rint(values / scale), -127, 127) * scale


def planes(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=PLANES)


def seen(layer: FakeQuantizedConv2d, *batches: Tensor) -> FakeQuantizedConv2d:
    """Show *batches* to the layer in training mode and return it for use."""
    layer.train()
    for batch in batches:
        layer(batch)
    return layer.eval()


def test_the_convolution_is_that_of_values_and_weights_rounded_by_hand() -> None:
    plain = nn.Conv2d(5, 4, 1, bias=True)
    images = planes(2, 5, 6, 7)
    layer = seen(FakeQuantizedConv2d(plain), images)
    values, weights = images.double().numpy(), plain.weight.detach().double().numpy()[:, :, 0, 0]
    value_scale = half_scale(np.abs(values).max(keepdims=True)).astype(np.float64)
    weight_scale = half_scale(np.abs(weights).max(1)).astype(np.float64)[:, None]
    products = np.tensordot(rounded(weights, weight_scale), rounded(values, value_scale), (1, 1))  # C_out x N x H x W
    assert plain.bias is not None
    expected = products.swapaxes(0, 1) + plain.bias.detach().double().numpy()[:, None, None]
    with torch.no_grad():
        found = layer(images).numpy()
    # What is left is the sum of five products in single precision.
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(plain(images).detach().numpy() - expected).max() > 1e-3  # rounding is no trifle


def test_steps_in_torch_are_those_of_the_export() -> None:
    reaches = np.exp(np.random.default_rng(3).uniform(np.log(1e-6), np.log(1e5), 500)).astype(np.float32)
    layer = FakeQuantizedConv2d(nn.Conv2d(1, 1, 1, bias=False))
    nn.init.ones_(layer.weight)
    layer.eval()
    steps = half_scale(reaches)
    for reach, step in zip(reaches.tolist(), steps.tolist(), strict=True):
        layer.fake_quantized_input_reach.fill_(reach)
        one_step = layer(torch.full((1, 1, 1, 1), step)).item()
        # The one weight is 127 steps of its own, each 1 / 127 rounded up to half precision.
        assert one_step == pytest.approx(step * 127 * float(half_scale(1.0)), rel=1e-6)


def test_values_beyond_the_reach_are_clamped_and_pass_no_gradient() -> None:
    layer = seen(FakeQuantizedConv2d(nn.Conv2d(1, 1, 1, bias=False)), torch.ones(1, 1, 2, 2))
    nn.init.ones_(layer.weight)
    images = torch.tensor([[[[0.5, -0.7], [3.0, -9.0]]]], requires_grad=True)
    result = layer(images)
    result.sum().backward()
    assert result[0, 0, 1].tolist() == pytest.approx([1, -1], abs=2e-3)
    assert images.grad is not None
    assert images.grad[0, 0].tolist() == [[pytest.approx(1, abs=1e-3)] * 2, [0, 0]]


@pytest.mark.parametrize("half", [False, True])
def test_a_gradient_reaches_every_weight(half: bool) -> None:
    layer = FakeQuantizedConv2d(nn.Conv2d(3, 4, 3))
    with torch.autocast("cpu", enabled=half):
        result = layer(planes(2, 3, 8, 8))
    assert result.dtype == (torch.bfloat16 if half else torch.float32)
    result.float().square().sum().backward()
    assert layer.weight.grad is not None
    assert bool((layer.weight.grad != 0).all())


def test_the_reach_is_that_of_the_first_batch_and_then_moves_towards_the_others() -> None:
    layer = FakeQuantizedConv2d(nn.Conv2d(1, 1, 1))
    seen(layer, torch.full((1, 1, 2, 2), -4.0))
    assert layer.fake_quantized_input_reach.item() == 4.0
    seen(layer, torch.full((1, 1, 2, 2), 2.0))
    assert layer.fake_quantized_input_reach.item() == pytest.approx(3.9)  # 5 % of the way
    layer(torch.full((1, 1, 2, 2), 50.0))
    assert layer.fake_quantized_input_reach.item() == pytest.approx(3.9)  # in use nothing moves


def test_frozen_reaches_stay_and_may_move_again() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    prepare(network, ["0"])
    network(torch.ones(1, 1, 2, 2))
    freeze_reaches(network, True)
    network(torch.full((1, 1, 2, 2), 9.0))
    assert input_reaches(network) == {"0": 1.0}
    freeze_reaches(network, False)
    network(torch.full((1, 1, 2, 2), 9.0))
    assert input_reaches(network) == {"0": pytest.approx(1.4)}


def test_batch_normalisation_may_be_folded_after_rounding_as_well_as_before() -> None:
    layer, norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -2.0, 1.0, 3.0]))
        norm.running_var.copy_(torch.tensor([0.3, 1.0, 2.0, 5.0]))  # type: ignore[union-attr]  # it tracks them
    folded = torch.nn.utils.fusion.fuse_conv_bn_eval(layer.eval(), norm.eval())
    images = planes(2, 3, 8, 8)
    with torch.no_grad():
        apart = norm(seen(FakeQuantizedConv2d(layer), images)(images))
        together = seen(FakeQuantizedConv2d(folded), images)(images)
    plain = norm(layer(images)).detach()
    # Steps are rounded up to half precision, by up to one in 1,024: far less than rounding to 8 bits itself.
    assert (apart - together).abs().max() < (apart - plain).abs().max() / 2


def test_a_prepared_network_keeps_its_weights_under_their_names() -> None:
    network = create("unet", 1, base=4)
    before = copy.deepcopy(network.state_dict())
    layers = prepare_all(network, (32, 32))
    assert layers == quantizable_layers(create("unet", 1, base=4), (32, 32)).quantizable
    assert len(network.state_dict()) == len(before) + len(layers)
    state = plain_state(network.state_dict())
    assert state.keys() == before.keys()
    assert all(torch.equal(state[name], before[name]) for name in before)
    create("unet", 1, base=4).load_state_dict(state)


def test_reaches_are_told_by_layer_from_the_network_or_from_given_weights() -> None:
    network = create("unet", 1, base=4)
    layers = prepare_all(network, (32, 32))
    network(planes(2, 3, 32, 32))
    reaches = input_reaches(network)
    assert tuple(sorted(reaches)) == tuple(sorted(layers))
    assert min(reaches.values()) > 0
    doubled = {name: 2 * tensor for name, tensor in network.state_dict().items()}
    assert input_reaches(network, doubled) == {layer: 2 * reach for layer, reach in reaches.items()}


def test_a_layer_under_two_names_stays_one_layer() -> None:
    layer = nn.Conv2d(2, 2, 1)
    network = nn.Sequential(layer, nn.ReLU(), layer)
    prepare(network, ["0"])
    assert isinstance(network[0], FakeQuantizedConv2d)
    assert network[0] is network[2]


@pytest.mark.parametrize("padding", ["same", 2])
def test_padding_dilation_and_stride_stay(padding: str | int) -> None:
    plain = nn.Conv2d(2, 3, 3, padding=padding, dilation=2, padding_mode="reflect")
    images = planes(1, 2, 9, 9)
    layer = seen(FakeQuantizedConv2d(plain), images)
    assert (layer(images) - plain(images)).abs().max() < 0.05


@pytest.mark.parametrize(("layer", "found"), [("head", "there is none"), ("1", "it is a ReLU")])
def test_what_is_no_convolution_is_refused_by_name(layer: str, found: str) -> None:
    with pytest.raises(InputError, match=f"cannot quantize the layer {layer}: {found}, expected a Conv2d"):
        prepare(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()), [layer])


def test_a_network_without_such_layers_is_sent_to_half_precision() -> None:
    with pytest.raises(InputError, match="none of its layers may compute in 8 bits; deploy it in fp16"):
        prepare_all(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 1)), (32, 32))
