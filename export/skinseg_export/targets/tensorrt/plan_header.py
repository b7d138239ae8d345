"""The 64 bytes in front of every engine: product, version and size can be told without CUDA or TensorRT.

Little endian. Bytes 0-3: `vtrt` for TensorRT-RTX, `ftrt` for TensorRT; 16-23: size of the whole file; 24-27: major,
minor, patch, build; 56-63: bytes of weights.
"""

import struct
from dataclasses import dataclass

from skinseg_edge.errors import IntegrityFailed

__all__ = ["PlanHeader", "read_plan_header"]

_SIZE = 64
_PRODUCTS = {b"vtrt": "TensorRT-RTX", b"ftrt": "TensorRT"}


@dataclass(frozen=True)
class PlanHeader:
    """*product*: "TensorRT-RTX" or "TensorRT"; *version*: of the builder; *size*, *weights*: bytes."""

    product: str
    version: str
    size: int
    weights: int


def read_plan_header(engine: bytes) -> PlanHeader:
    """Read the header of *engine* (the whole file or at least its first 64 bytes).

    Raises IntegrityFailed if len(engine) < 64 or the first four bytes belong to no known product.
    """
    if len(engine) < _SIZE:
        raise IntegrityFailed(
            f"cannot read the engine: it has {len(engine)} bytes, expected at least {_SIZE}; export it again"
        )
    product = _PRODUCTS.get(engine[:4])
    if product is None:
        raise IntegrityFailed(
            f"cannot read the engine: it begins with {engine[:4]!r}, expected b'vtrt' (TensorRT-RTX) or b'ftrt' "
            "(TensorRT); export it again"
        )
    (size,) = struct.unpack_from("<Q", engine, 16)
    (weights,) = struct.unpack_from("<Q", engine, 56)
    return PlanHeader(product, ".".join(str(part) for part in engine[24:28]), size, weights)
