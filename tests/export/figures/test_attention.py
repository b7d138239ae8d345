"""Heat maps of the last features: they lie where the network looks, and of every network there is one."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skinseg_edge import networks
from skinseg_edge.contract import ModelContract
from skinseg_edge.errors import InputError
from skinseg_export.figures.attention import attention_maps, attention_png
from tests.export.figures.scored import ONE, picture_of


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        yield


class _RedAndBlue(nn.Module):
    """Says class 1 where the picture is red and class 2 where it is blue, after two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1, bias=False)
        self.second = nn.Conv2d(3, 4, 1, bias=False)
        self.head = nn.Conv2d(4, 3, 1, bias=False)
        with torch.no_grad():
            self.first.weight[:] = torch.eye(3)[:, :, None, None]
            self.second.weight[:] = torch.eye(4, 3)[:, :, None, None]
            self.head.weight[:] = 0
            self.head.weight[0, 3] = self.head.weight[1, 0] = self.head.weight[2, 2] = 1

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.relu(self.second(torch.relu(self.first(images)))))
        return logits


def test_the_heat_of_a_class_lies_where_its_features_are() -> None:
    contract = ModelContract(input_hw=(32, 32), classes=("skin", "red", "blue"))
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[4:12, 4:12, 0] = 255
    photo[20:28, 20:28, 2] = 255

    maps = attention_maps(_RedAndBlue(), contract, photo)

    assert maps.shape == (3, 32, 32)
    assert np.array_equal(maps[1] > 0.5, photo[..., 0] > 0)
    assert np.array_equal(maps[2] > 0.5, photo[..., 2] > 0)


class _Magnitude(nn.Module):
    """Says lesion where red or blue prevails, by the magnitude of one feature that is positive in red."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 1, 1, bias=False)
        self.second = nn.Conv2d(1, 1, 1, bias=False)
        self.head = nn.Conv2d(1, 1, 1)
        with torch.no_grad():
            self.first.weight[:] = torch.tensor([1.0, 0, -1])[:, None, None]
            for layer in (self.second, self.head):
                layer.weight[:] = 1
            nn.init.constant_(self.head.bias, -1)  # type: ignore[arg-type]  # there is one

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.second(self.first(images)).abs())
        return logits


def test_gradients_of_both_signs_do_not_cancel_and_bare_skin_stays_cold() -> None:
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[4:12, 4:12, 0] = 255
    photo[20:28, 20:28, 2] = 255

    (heat,) = attention_maps(_Magnitude(), ONE, photo)

    assert np.array_equal(heat > 0.5, photo.any(2))
    assert np.array_equal(heat == 0, ~photo.any(2))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("scsonet", {}),
        ("unet", {"base": 4}),
        ("ulffn", {"base": 8}),
        ("hhbsnet", {"decoder": 16}),
        ("cmssm", {"channels": 8, "ratio": 1}),
    ],
)
@pytest.mark.parametrize("classes", [1, 3])
def test_every_network_has_heat_maps_that_do_not_touch_its_weights(
    name: str, options: dict[str, object], classes: int
) -> None:
    names = ("lesion",) if classes == 1 else ("skin", "mole", "scar")
    contract = ModelContract(input_hw=(64, 64), classes=names)
    network = networks.create(name, classes, **options)

    maps = attention_maps(network, contract, np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))

    assert maps.shape == (classes, 64, 64)
    assert np.isfinite(maps).all()
    assert maps.min() == 0
    assert set(maps.max(axis=(1, 2)).tolist()) <= {0, 1}  # 0: fresh features may speak against a class everywhere
    assert all(weight.grad is None for weight in network.parameters())


def test_a_network_that_is_all_head_has_no_features_to_show() -> None:
    with pytest.raises(InputError, match="no convolution before its head"):
        attention_maps(nn.Conv2d(3, 1, 1), ONE, np.zeros((32, 32, 3), np.uint8))


def test_the_sheet_has_a_column_a_class_but_none_for_the_background() -> None:
    contract = ModelContract(input_hw=(32, 32), classes=("skin", "red", "blue"))
    photo = np.full((32, 32, 3), 90, np.uint8)
    page = picture_of(attention_png(_RedAndBlue(), contract, [("a", photo), ("b", photo)]))
    assert page.shape[1] == 3 * 260 + 2 * 12 + 2 * 16
