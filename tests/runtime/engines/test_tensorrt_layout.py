"""An engine has the inputs and outputs of a bundle's network, or is refused with what it has."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from skinseg_edge.errors import ContractInvalid
from skinseg_runtime.engines.tensorrt_api import CudaEngine, TensorRt
from skinseg_runtime.engines.tensorrt_layout import Layout, read_layout

UINT8, FLOAT, HALF = (SimpleNamespace(name=name) for name in ("UINT8", "FLOAT", "HALF"))
IN, OUT = "in", "out"
TRT = cast("TensorRt", SimpleNamespace(TensorIOMode=SimpleNamespace(INPUT=IN, OUTPUT=OUT)))

Port = tuple[str, str, SimpleNamespace, tuple[int, ...]]
IMAGE: Port = (IN, "image", UINT8, (1, 64, 96, 3))
PROBABILITY: Port = (OUT, "probability", FLOAT, (1, 2, 64, 96))
MASK: Port = (OUT, "mask", UINT8, (1, 1, 64, 96))


@dataclass
class FakeEngine:
    """An engine that has inputs and outputs and nothing else."""

    ports: list[Port]
    batches: tuple[int, int, int] = (1, 2, 4)
    num_optimization_profiles: int = 1
    asked: list[str] = field(default_factory=list)

    @property
    def num_io_tensors(self) -> int:
        return len(self.ports)

    def get_tensor_name(self, index: int) -> str:
        return self.ports[index][1]

    def get_tensor_mode(self, name: str) -> str:
        return self._port(name)[0]

    def get_tensor_dtype(self, name: str) -> SimpleNamespace:
        return self._port(name)[2]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._port(name)[3]

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        assert profile_index == 0
        return [(batch, *self._port(name)[3][1:]) for batch in self.batches]

    def _port(self, name: str) -> Port:
        return next(port for port in self.ports if port[1] == name)


def layout_of(*ports: Port) -> Layout:
    return read_layout(TRT, cast("CudaEngine", FakeEngine(list(ports))), "net.engine")


def with_batch(port: Port, batch: int) -> Port:
    return (*port[:3], (batch, *port[3][1:]))


def test_an_engine_of_fixed_shape_takes_one_batch() -> None:
    layout = layout_of(with_batch(IMAGE, 4), with_batch(PROBABILITY, 4))
    assert (layout.smallest_batch, layout.largest_batch, layout.is_free, layout.has_mask) == (4, 4, False, False)
    assert (layout.image_shape, layout.probability_shape) == ((64, 96, 3), (2, 64, 96))


def test_the_batches_of_a_free_engine_are_its_profiles() -> None:
    layout = layout_of(*(with_batch(port, -1) for port in (MASK, PROBABILITY, IMAGE)))
    assert (layout.smallest_batch, layout.largest_batch, layout.is_free, layout.has_mask) == (1, 4, True, True)
    assert layout.mask_shape == (1, 64, 96)


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ([], "it has neither input nor output"),
        ([IMAGE], r"it has input 'image' UINT8 \[1, 64, 96, 3\], expected input 'image'"),
        ([IMAGE, (OUT, "probability", HALF, (1, 2, 64, 96))], r"output 'probability' HALF \[1, 2, 64, 96\]"),
        ([(IN, "image", FLOAT, (1, 64, 96, 3)), PROBABILITY], "input 'image' FLOAT"),
        ([(IN, "image", UINT8, (1, 3, 64, 96)), PROBABILITY], r"\[1, 3, 64, 96\]"),
        ([(IN, "image", UINT8, (64, 96, 3)), PROBABILITY], r"\[64, 96, 3\]"),
        ([(IN, "image", UINT8, (1,)), PROBABILITY], r"input 'image' UINT8 \[1\]"),
        ([(IN, "image", UINT8, (1, -1, -1, 3)), (OUT, "probability", FLOAT, (1, 2, -1, -1))], r"\[1, -1, -1, 3\]"),
        ([IMAGE, (OUT, "probability", FLOAT, (1, 2, 32, 48))], r"\[1, 2, 32, 48\]"),
        ([IMAGE, (OUT, "probability", FLOAT, (1, 64, 96))], r"\[1, 64, 96\]"),
        ([IMAGE, with_batch(PROBABILITY, 2)], r"\[2, 2, 64, 96\]"),
        ([(OUT, "image", UINT8, (1, 64, 96, 3)), PROBABILITY], "output 'image'"),
        ([IMAGE, PROBABILITY, (OUT, "logits", FLOAT, (1, 2, 64, 96))], "output 'logits' FLOAT"),
        ([IMAGE, PROBABILITY, (OUT, "mask", FLOAT, (1, 1, 64, 96))], "output 'mask' FLOAT"),
        ([IMAGE, PROBABILITY, (OUT, "mask", UINT8, (1, 2, 64, 96))], r"output 'mask' UINT8 \[1, 2, 64, 96\]"),
    ],
)
def test_what_is_no_network_of_a_bundle_is_refused_with_what_it_has(ports: list[Port], words: str) -> None:
    with pytest.raises(ContractInvalid, match=words) as met:
        layout_of(*ports)
    assert str(met.value).startswith("cannot use net.engine: it has ")
    assert str(met.value).endswith("build the engine from the bundle again")
