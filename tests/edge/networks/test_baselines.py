"""Networks from other libraries: what is made of them here, and the answer where the library is missing."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from skinseg_edge import networks
from skinseg_edge.errors import InputError, ToolMissing
from tests.edge.networks.overfitting import overfit

_OF_MONAI = ("unet++", "attention-unet")


@pytest.fixture
def needs_monai() -> None:
    pytest.importorskip("monai", reason="MONAI is not installed (pip install monai)")


def test_they_are_known_by_name_whether_or_not_their_library_is_there() -> None:
    assert {"unet++", "attention-unet", "fpn", "deeplabv3"} <= set(networks.names())


@pytest.mark.usefixtures("needs_monai")
class TestOfMonai:
    # U-Net++: the papers print 9.16 M for another implementation of the same widths.
    @pytest.mark.parametrize(("name", "parameters"), [("unet++", 9_119_332), ("attention-unet", 31_740_337)])
    def test_the_default_has_the_papers_widths(self, name: str, parameters: int) -> None:
        assert sum(weight.numel() for weight in networks.create(name).parameters()) == parameters

    @pytest.mark.parametrize("name", _OF_MONAI)
    @pytest.mark.parametrize("classes", [1, 6])
    def test_logits_have_the_size_of_the_picture(self, name: str, classes: int) -> None:
        logits = networks.create(name, classes, base=4)(torch.zeros(2, 3, 32, 64))
        assert logits.shape == (2, classes, 32, 64)

    @pytest.mark.slow
    @pytest.mark.parametrize("name", _OF_MONAI)
    def test_four_pictures_are_learnt(self, name: str) -> None:
        assert overfit(networks.create(name, base=4), classes=1, side=32, steps=80, learning_rate=1e-2) > 0.9

    def test_an_option_that_it_does_not_have_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"'unet\+\+' with \{'widths': 3\}"):
            networks.create("unet++", widths=3)


@pytest.mark.parametrize("name", _OF_MONAI)
def test_without_monai_one_sentence_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(ToolMissing, match=f"cannot make the network '{name.replace('+', '[+]')}'.*pip install monai"):
        networks.create(name)


class TestOfSegmentationModels:
    @pytest.mark.parametrize("name", ["fpn", "deeplabv3"])
    def test_without_the_library_the_sentence_tells_of_torchvision(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
        with pytest.raises(
            ToolMissing, match=r"'skinseg-edge\[baselines\]' where torch is its CUDA build.*torchvision"
        ):
            networks.create(name)

    @pytest.mark.parametrize(("name", "kind"), [("fpn", "FPN"), ("deeplabv3", "DeepLabV3")])
    def test_the_library_is_asked_for_fresh_weights_and_no_download(
        self, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: dict[str, Any] = {}

        def make(**options: Any) -> nn.Module:
            asked.update(options)
            return nn.Conv2d(3, options["classes"], 1)

        library = ModuleType("segmentation_models_pytorch")
        setattr(library, kind, make)
        monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", library)

        network = networks.create(name, 6, encoder="resnet18")

        assert isinstance(network, nn.Conv2d)
        assert asked == {"encoder_name": "resnet18", "encoder_weights": None, "in_channels": 3, "classes": 6}
