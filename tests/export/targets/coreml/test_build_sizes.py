"""Packages that take several sizes, and networks that cannot."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from skinseg_edge.errors import InputError
from skinseg_export.targets.coreml.build import mlpackage_from_torch
from skinseg_export.targets.coreml.options import CoremlOptions
from tests.export.darkness import CONTRACT, Darkness
from tests.export.targets.coreml.convolutions import Convolutions
from tests.export.targets.coreml.packages import specification

pytest.importorskip("coremltools", reason="needs the coreml extra")

_OPTIONS = CoremlOptions(sizes=((128, 64), (96, 96)))


def test_further_sizes_are_enumerated_beside_the_contract_s_own(tmp_path: Path) -> None:
    package = tmp_path / "model.mlpackage"
    mlpackage_from_torch(Convolutions(), CONTRACT, package, _OPTIONS)

    description = specification(package).description
    image = description.input[0].type.imageType
    assert (image.height, image.width) == (64, 96)
    assert [(size.height, size.width) for size in image.enumeratedSizes.sizes] == [(64, 96), (128, 64), (96, 96)]
    assert description.input[0].shortDescription == "RGB picture, 96 x 64 or 64 x 128 or 96 x 96 px, resized by stretch"
    assert "(1, rows, columns)" in description.output[1].shortDescription


def test_a_network_that_refuses_a_size_is_told_with_it(tmp_path: Path) -> None:
    class Fixed(Darkness):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images.reshape(1, 3, 64, 96))

    with pytest.raises(InputError, match="cannot run Fixed on 128 x 64 px"):
        mlpackage_from_torch(Fixed(), CONTRACT, tmp_path / "model.mlpackage", _OPTIONS)


def test_a_network_whose_trace_keeps_the_first_size_is_told_before_it_is_converted(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(3, 1, 1, bias=False)

        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = self.head(images)
            return logits * len(images[0, 0])  # a number in Python, of which no trace knows whence it came

    network = Scaled()
    with torch.no_grad():
        network.head.weight.fill_(0.01)

    with pytest.raises(InputError, match=r"128 x 64 \(rows x columns\): traced at 64 x 96 it computes something else"):
        mlpackage_from_torch(network, CONTRACT, tmp_path / "model.mlpackage", _OPTIONS)
    assert not (tmp_path / "model.mlpackage").exists()


def test_a_network_that_converts_for_one_size_only_is_told_to_be_made_for_each(tmp_path: Path) -> None:
    class Halves(Darkness):
        def forward(self, images: Tensor) -> Tensor:
            upper, lower = torch.split(images, [images.shape[2] // 2, images.shape[2] - images.shape[2] // 2], 2)
            return super().forward(torch.cat((upper, lower), 2))

    mlpackage_from_torch(Halves(), CONTRACT, tmp_path / "one.mlpackage")

    with pytest.raises(InputError, match=r"cannot convert Halves to Core ML: .*; make a package for each size"):
        mlpackage_from_torch(Halves(), CONTRACT, tmp_path / "several.mlpackage", _OPTIONS)
