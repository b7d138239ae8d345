"""The 64 bytes in front of every engine: product, version and size can be told without CUDA or TensorRT.

Little endian. Bytes 0-3: `vtrt` for TensorRT-RTX, `ftrt` for TensorRT; 16-23: size of the whole file; 24-27: major,
minor, patch, build; 56-63: bytes of weights.
"""

import re
import struct
from dataclasses import dataclass

from skinseg_edge.errors import IntegrityFailed
from skinseg_runtime.engines.products import PRODUCTS, Product

__all__ = ["PlanHeader", "header_fault", "is_same_release", "read_plan_header"]

_SIZE = 64
_TITLES = {product.magic: product.title for product in PRODUCTS}
_RELEASE_PARTS = 3  # a build number need not fit the header's one byte, and a Jetson's TensorRT does not tell its own


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
            f"cannot read the engine: it has {len(engine)} bytes, expected at least {_SIZE}; build it again"
        )
    product = _TITLES.get(engine[:4])
    if product is None:
        raise IntegrityFailed(
            f"cannot read the engine: it begins with {engine[:4]!r}, expected b'vtrt' (TensorRT-RTX) or b'ftrt' "
            "(TensorRT); build it again"
        )
    (size,) = struct.unpack_from("<Q", engine, 16)
    (weights,) = struct.unpack_from("<Q", engine, 56)
    return PlanHeader(product, ".".join(str(part) for part in engine[24:28]), size, weights)


def header_fault(engine: bytes, product: Product, version: str) -> str | None:
    """Return what keeps *product* in *version* from running *engine* (the whole file), in words; None if nothing does.

    The words follow "cannot use the engine: ". Only the header is looked at; it is no proof that the rest is whole.
    """
    try:
        header = read_plan_header(engine)
    except IntegrityFailed:
        found = f"it begins with {engine[:4]!r} and has {len(engine)} bytes"
        return f"{found}, expected {product.magic!r} and at least {_SIZE}"
    if header.product != product.title:
        return f"it is an engine of {header.product}, expected one of {product.title}"
    if not is_same_release(header.version, version):
        return f"it was built with {product.title} {header.version}, this device has {version}"
    if header.size != len(engine):
        return f"it has {len(engine)} bytes, its header says {header.size}, so it was cut off or added to"
    return None


def is_same_release(version: str, other: str) -> bool:
    """Answer whether two versions of one product run each other's engines: major, minor and patch are the same.

    >>> is_same_release("10.3.0", "10.3.0.30"), is_same_release("10.3.0", "10.16.2")
    (True, False)
    """
    return _release(version) == _release(other)


def _release(version: str) -> list[str]:
    return re.findall(r"\d+", version)[:_RELEASE_PARTS]
