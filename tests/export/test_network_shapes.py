import pytest
import torch
from torch import Tensor, nn

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_export.network_shapes import check_network_shapes


class _Halving(nn.Conv2d):
    def __init__(self, classes: int = 1) -> None:
        super().__init__(3, classes, 2, stride=2)


class _LeavingTorch(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(images.numpy()[:, :1])


class _Listing(nn.Module):
    def forward(self, images: Tensor) -> list[Tensor]:
        return [images]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cmssm", {"channels": 24, "ratio": 2}),
        ("hhbsnet", {"decoder": 64}),
        ("scsonet", {}),
        ("ulffn", {"base": 8}),
        ("unet", {"base": 8}),
    ],
)
def test_every_shipped_network_takes_multiples_of_32_from_64_on(name: str, options: dict[str, int]) -> None:
    contract = ModelContract(input_hw=(64, 96), classes=("skin", "lesion", "ink"))
    check_network_shapes(networks.create(name, 3, **options).eval(), contract, name=name)


def test_a_size_that_does_not_halve_often_enough_is_refused_with_torch_s_reason() -> None:
    with pytest.raises(
        InputError, match=r"cannot run unet on 250 x 250 px: Sizes of tensors must match .* take another"
    ):
        check_network_shapes(networks.create("unet", base=4), ModelContract(input_hw=(250, 250)), name="unet")


def test_maps_of_another_size_or_number_are_refused_with_both_shapes() -> None:
    contract = ModelContract(input_hw=(32, 32))
    with pytest.raises(InputError, match=r"returns shape \(1, 1, 16, 16\), expected logits of shape \(1, 1, 32, 32\)"):
        check_network_shapes(_Halving(), contract, name="halving")
    with pytest.raises(InputError, match=r"returns shape \(1, 2, 32, 32\), expected logits of shape \(1, 1, 32, 32\)"):
        check_network_shapes(nn.Conv2d(3, 2, 1), contract, name="two")
    with pytest.raises(InputError, match="returns list, expected logits of shape"):
        check_network_shapes(_Listing(), contract, name="listing")


def test_a_network_that_leaves_torch_is_run_truly() -> None:
    check_network_shapes(_LeavingTorch(), ModelContract(input_hw=(32, 32)), name="numpy")
    with pytest.raises(InputError, match=r"returns shape \(1, 1, 32, 32\), expected logits of shape \(1, 2, 32, 32\)"):
        check_network_shapes(_LeavingTorch(), ModelContract(input_hw=(32, 32), classes=("a", "b")), name="numpy")
