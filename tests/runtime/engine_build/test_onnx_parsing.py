"""What TensorRT may answer before it reads anything, by stand-ins; the real parser's words are in test_builder."""

import enum
from types import ModuleType
from typing import Any, cast

import pytest

from skinseg_edge.errors import BuildFailed
from skinseg_runtime.engine_build.onnx_parsing import parse, product_of
from skinseg_runtime.engines.products import TENSORRT, TENSORRT_RTX
from skinseg_runtime.engines.tensorrt_api import TensorRt


class Flags(enum.IntEnum):
    EXPLICIT_BATCH = 0
    STRONGLY_TYPED = 1


class NoFlags(enum.IntEnum):
    PREFER_JIT_PYTHON_PLUGINS = 0


class Logger:
    """The base of a log, as NVIDIA's bindings have one."""


class FakeBuilder:
    """Makes no network, and remembers the flags it was asked with."""

    asked: list[int]

    def __init__(self, _log: object) -> None:
        pass

    def create_network(self, flags: int = 0) -> None:
        self.asked.append(flags)


def no_builder(_log: object) -> object:
    raise TypeError("pybind11::init(): factory function returned nullptr")  # the words of 10.3 to 11.4 without a GPU


def module(**names: Any) -> TensorRt:
    made = ModuleType("tensorrt")
    made.__dict__.update({"__version__": "10.3.0", "ILogger": Logger, **names})
    return cast("TensorRt", made)


def test_a_tensorrt_that_finds_no_gpu_is_told_as_such() -> None:
    with pytest.raises(BuildFailed, match=r"TensorRT 10\.3\.0 did not start: .*run skinseg-doctor to see"):
        parse(module(Builder=no_builder, NetworkDefinitionCreationFlag=Flags), b"onnx")


@pytest.mark.parametrize(("flags", "expected"), [(Flags, 0b10), (NoFlags, 0)])
def test_a_network_is_typed_strongly_and_nothing_else(flags: type[enum.IntEnum], expected: int) -> None:
    class Builder(FakeBuilder):
        asked: list[int] = []  # noqa: RUF012  # of this test alone

    with pytest.raises(BuildFailed, match="TensorRT made no network: the builder gave no reason"):
        parse(module(Builder=Builder, NetworkDefinitionCreationFlag=flags), b"onnx")

    assert Builder.asked == [expected]


@pytest.mark.parametrize(("name", "product"), [("tensorrt", TENSORRT), ("tensorrt_rtx", TENSORRT_RTX)])
def test_a_module_tells_by_its_name_which_product_it_is(name: str, product: object) -> None:
    assert product_of(module(__name__=name)) is product
