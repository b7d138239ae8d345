"""Every network can learn four pictures by heart; those with a test file of their own do it there."""

import pytest

from skinseg_edge import networks
from tests.edge.networks.overfitting import four_pictures, overfit


@pytest.mark.parametrize("classes", [1, 2, 6])
def test_four_pictures_show_every_class(classes: int) -> None:
    images, labels = four_pictures(classes, 32)
    assert (images.shape, labels.shape) == ((4, 3, 32, 32), (4, 32, 32))
    assert float(images.min()) >= -1
    assert float(images.max()) <= 1
    for label in labels:
        assert label.unique().tolist() == list(range(max(classes, 2)))


@pytest.mark.slow
def test_scsonet_learns_four_pictures_by_heart() -> None:
    assert overfit(networks.create("scsonet"), classes=1, side=64, steps=50, learning_rate=2e-2) > 0.95


@pytest.mark.parametrize("classes", [1, 6])
def test_unet_learns_four_pictures_by_heart(classes: int) -> None:
    network = networks.create("unet", classes, base=8)
    assert overfit(network, classes, side=32, steps=60 if classes == 1 else 100, learning_rate=1e-2) > 0.95
