"""Eight bits for weights and for what goes into them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from skinseg_edge.errors import InputError
from skinseg_edge.networks.quantizable_layers import quantizable_layers
from skinseg_export.deployed_graph import PixelGraph
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.options import CoremlOptions
from skinseg_export.targets.coreml.w8a8 import RoundedConvolution, network_in_eight_bits
from tests.export.darkness import Darkness
from tests.export.targets.coreml.convolutions import CONTRACT, Convolutions
from tests.export.targets.coreml.packages import operators

# torch 2.13 announces the end of its quantized tensors, of which coremltools 9 reads the trace.
pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, :UserWarning")


def _picture(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*CONTRACT.input_hw, 3), np.uint8)


_PICTURES = [_picture(seed) for seed in range(3)]


def test_only_layers_that_may_compute_in_8_bits_are_rounded() -> None:
    network = Convolutions().eval()

    rounded = network_in_eight_bits(network, CONTRACT, _PICTURES)

    names = {name for name, module in rounded.named_modules() if isinstance(module, RoundedConvolution)}
    assert names == set(quantizable_layers(network, CONTRACT.input_hw).quantizable) == {"along"}


def test_masks_of_the_rounded_network_stay_near_the_network_s_own() -> None:
    network = Convolutions().eval()
    pixels = torch.from_numpy(_picture(9)).permute(2, 0, 1)[None].float()

    rounded = network_in_eight_bits(network, CONTRACT, _PICTURES)

    with torch.inference_mode():
        difference = (PixelGraph(rounded, CONTRACT)(pixels) - PixelGraph(network, CONTRACT)(pixels)).abs().max()
    assert 0 < difference < 0.02


@pytest.mark.parametrize(("low", "high", "kind", "step"), [(0, 5.1, torch.quint8, 0.02), (-2, 1, torch.qint8, 2 / 127)])
def test_what_is_never_negative_has_twice_the_steps(low: float, high: float, kind: torch.dtype, step: float) -> None:
    layer = RoundedConvolution(nn.Conv2d(4, 4, 1), low, high)

    assert layer.kind == kind
    # Rounded upwards to a float16, which has 11 significant bits.
    assert step <= layer.scale <= step * (1 + 2**-10)
    assert np.float16(layer.scale) == layer.scale


def test_an_input_that_is_always_zero_stays_zero() -> None:
    layer = RoundedConvolution(nn.Conv2d(4, 4, 1), 0, 0)

    assert torch.equal(layer(torch.zeros(1, 4, 2, 2)), layer.convolution(torch.zeros(1, 4, 2, 2)))


def test_padding_that_is_not_zeros_is_kept() -> None:
    convolution = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
    features = torch.randint(-127, 128, (1, 4, 5, 5)).float()
    with torch.no_grad():
        convolution.weight.copy_(torch.randint(-127, 128, convolution.weight.shape))
        convolution.weight[:, 0, 0, 0] = 127  # so that the scale of every channel is 1

    found = RoundedConvolution(convolution, -127, 127)(features)

    assert torch.allclose(found, convolution(features))


def test_the_package_rounds_before_each_of_these_layers_and_keeps_their_weights_in_8_bits(tmp_path: Path) -> None:
    pytest.importorskip("coremltools", reason="needs the coreml extra")
    package = tmp_path / "model.mlpackage"
    mlpackage_from_torch(Convolutions(), CONTRACT, package, CoremlOptions(precision="w8a8"), calibration=_PICTURES)

    found = operators(package)
    kinds = Counter(operator.op_type for operator in found)
    assert (kinds["quantize"], kinds["dequantize"], kinds["constexpr_affine_dequantize"]) == (1, 1, 1)
    weights = next(operator for operator in found if operator.op_type == "constexpr_affine_dequantize")
    assert weights.quantized_data.val.shape == (24, 16, 3, 3)
    assert weights.quantized_data.val.dtype == np.int8


def test_w8a8_without_pictures_is_refused_with_the_option_that_names_some() -> None:
    with pytest.raises(InputError, match="without pictures to calibrate by; name some with --calibration"):
        network_in_eight_bits(Convolutions(), CONTRACT, [])


@pytest.mark.parametrize("picture", [np.zeros((64, 64, 3), np.uint8), np.zeros((64, 96, 3), np.float32)])
def test_a_picture_of_another_form_is_refused(picture: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"cannot calibrate by a picture of shape .* expected \(64, 96, 3\), uint8"):
        network_in_eight_bits(Convolutions(), CONTRACT, [picture])


def test_a_network_without_such_layers_is_referred_to_int8() -> None:
    with pytest.raises(InputError, match=r"cannot make Darkness a w8a8 Core ML package: none of its layers .* int8"):
        network_in_eight_bits(Darkness(), CONTRACT, _PICTURES)
