"""A small network, its saved package, and ways to spoil the package on disk as a faulty conversion or disk would."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skinseg_edge.contract import ModelContract
from skinseg_export.foreign_noise import quiet

__all__ = ["CONTRACT", "Spots", "change_specification", "flip_byte", "set_byte", "swap_tensors", "weight_places"]

CONTRACT = ModelContract(input_hw=(64, 96), mean=(0.4, 0.5, 0.6), std=(0.25, 0.5, 0.2), threshold=0.4)

_MODEL = Path("Data/com.apple.CoreML/model.mlmodel")
_WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")


class Spots(nn.Module):
    """Red less blue, blurred, against its mean, through two convolutions of equal size that must not change places."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.first = nn.Conv2d(3, 8, 3, padding=1)
            self.second = nn.Conv2d(8, 8, 3, padding=1)
            self.third = nn.Conv2d(8, 8, 3, padding=1)
            self.head = nn.Conv2d(8, 1, 1)
            for layer in (self.second, self.third):
                nn.init.normal_(layer.weight, std=0.02)
        with torch.no_grad():
            self.first.weight.zero_()
            self.first.weight[:, 0] = -1 / 9
            self.first.weight[:, 2] = -1 / 18
            for layer in (self.second, self.third):
                layer.weight[torch.arange(8), torch.arange(8)] += 1 / 9
            self.head.weight.fill_(1.0)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        features = self.third(self.second(self.first(images)))
        logits: Tensor = self.head(features - features.mean((2, 3), keepdim=True)) - 1
        return logits


def change_specification(package: Path, change: Callable[[Any], None]) -> None:
    """Let *change* spoil the package's specification."""
    specification = _specification(package)
    change(specification)
    (package / _MODEL).write_bytes(specification.SerializeToString())


def weight_places(package: Path, name: str) -> tuple[int, int]:
    """Return where in the weight file the numbers of the constant lie whose name begins so: offset, bytes."""
    data = (package / _WEIGHTS).read_bytes()
    function = _specification(package).mlProgram.functions["main"]
    places = []
    for operation in function.block_specializations[function.opset].operations:
        if not operation.outputs[0].name.startswith(name):
            continue
        for value in _stored_values(operation):
            # The entry's head: sentinel, type, bytes of data, offset of data.
            sentinel, _, size, start = struct.unpack("<IIQQ", data[value.offset : value.offset + 24])
            assert sentinel == 0xDEADBEEF
            places.append((start, size))
    return max(places, key=lambda place: place[1])


def _stored_values(operation: Any) -> list[Any]:
    """Return what *operation* takes from the weight file: a constant, or a compressed tensor's numbers and scales."""
    values = list(operation.attributes.values())
    values += [binding.value for given in operation.inputs.values() for binding in given.arguments]
    return [value.blobFileValue for value in values if value.HasField("blobFileValue")]


def _specification(package: Path) -> Any:
    with quiet():
        from coremltools.proto import Model_pb2
    specification: Any = Model_pb2.Model()
    specification.ParseFromString((package / _MODEL).read_bytes())
    return specification


def flip_byte(package: Path, place: int) -> None:
    """Turn the lowest bit of one byte of the weight file over."""
    data = bytearray((package / _WEIGHTS).read_bytes())
    data[place] ^= 1
    (package / _WEIGHTS).write_bytes(bytes(data))


def set_byte(package: Path, place: int, value: int) -> None:
    """Overwrite one byte of the weight file."""
    data = bytearray((package / _WEIGHTS).read_bytes())
    data[place] = value
    (package / _WEIGHTS).write_bytes(bytes(data))


def swap_tensors(package: Path, one: str, other: str) -> None:
    """Let two tensors of one size change places in the weight file."""
    (first, size), (second, other_size) = weight_places(package, one), weight_places(package, other)
    assert size == other_size
    data = bytearray((package / _WEIGHTS).read_bytes())
    data[first : first + size], data[second : second + size] = (
        data[second : second + size],
        data[first : first + size],
    )
    (package / _WEIGHTS).write_bytes(bytes(data))
