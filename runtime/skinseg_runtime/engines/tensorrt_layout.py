"""What goes into an engine and what comes out: read from the engine, and held against what a bundle's networks have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skinseg_edge.errors import ContractInvalid
from skinseg_runtime.engines.tensorrt_api import CudaEngine, TensorRt

__all__ = ["IMAGE", "MASK", "PROBABILITY", "Layout", "read_layout"]

IMAGE, PROBABILITY, MASK = "image", "probability", "mask"

_FREE = -1
_PROFILE = 0  # contexts begin with it, and engines of this project have no other


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Sizes of an engine's input and outputs.

    *input_hw*: rows and columns, px. *classes*: K. *smallest_batch*, *largest_batch*: images in one run; equal in an
    engine of fixed shape. *is_free*: the batch is said before a run. *has_mask*: there is a thresholded output as well.
    """

    input_hw: tuple[int, int]
    classes: int
    smallest_batch: int
    largest_batch: int
    is_free: bool
    has_mask: bool

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, 3) of one picture, uint8."""
        return (*self.input_hw, 3)

    @property
    def probability_shape(self) -> tuple[int, int, int]:
        """(K, H, W) of the answer to one picture, float32."""
        return (self.classes, *self.input_hw)

    @property
    def mask_shape(self) -> tuple[int, int, int]:
        """(1, H, W) of the mask of one picture, uint8."""
        return (1, *self.input_hw)


@dataclass(frozen=True)
class _Port:
    role: str
    name: str
    kind: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.role} {self.name!r} {self.kind} {list(self.shape)}"


def read_layout(trt: TensorRt, engine: CudaEngine, source: str) -> Layout:
    """Return the layout of *engine*; *source*: what errors call it.

    Raises ContractInvalid if it has other inputs and outputs than a network of a bundle: `image` UINT8 [N, H, W, 3],
    `probability` FLOAT [N, K, H, W] and perhaps `mask` UINT8 [N, 1, H, W], where N may be free and nothing else.
    """
    ports = {port.name: port for port in _ports(trt, engine)}
    image, probability, mask = (ports.pop(name, None) for name in (IMAGE, PROBABILITY, MASK))
    if image is None or probability is None or ports:
        raise _foreign(source, [port for port in (image, probability, mask) if port is not None] + list(ports.values()))
    batch, rows, columns = (*image.shape, 0, 0, 0)[:3]
    classes = probability.shape[1] if len(probability.shape) == 4 else 0
    expected = [
        _Port("input", IMAGE, "UINT8", (batch, rows, columns, 3)),
        _Port("output", PROBABILITY, "FLOAT", (batch, classes, rows, columns)),
        _Port("output", MASK, "UINT8", (batch, 1, rows, columns)) if mask is not None else None,
    ]
    if [image, probability, mask] != expected or min(rows, columns, classes) < 1 or (batch < 1 and batch != _FREE):
        raise _foreign(source, [port for port in (image, probability, mask) if port is not None])
    smallest, largest = (batch, batch) if batch != _FREE else _profile_batches(engine)
    return Layout(
        input_hw=(rows, columns),
        classes=classes,
        smallest_batch=smallest,
        largest_batch=largest,
        is_free=batch == _FREE,
        has_mask=mask is not None,
    )


def _ports(trt: TensorRt, engine: CudaEngine) -> Sequence[_Port]:
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return [
        _Port(
            "input" if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else "output",
            name,
            _kind(engine.get_tensor_dtype(name)),
            tuple(engine.get_tensor_shape(name)),
        )
        for name in names
    ]


def _kind(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))


def _profile_batches(engine: CudaEngine) -> tuple[int, int]:
    smallest, _usual, largest = engine.get_tensor_profile_shape(IMAGE, _PROFILE)
    return max(smallest[0], 1), largest[0]


def _foreign(source: str, ports: Sequence[_Port]) -> ContractInvalid:
    return ContractInvalid(
        f"cannot use {source}: it has {', '.join(map(str, ports)) or 'neither input nor output'}, expected input "
        f"{IMAGE!r} UINT8 [N, H, W, 3], output {PROBABILITY!r} FLOAT [N, K, H, W] and at most an output {MASK!r} "
        "UINT8 [N, 1, H, W]; build the engine from the bundle again"
    )
