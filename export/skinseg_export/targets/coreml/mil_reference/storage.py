"""How a value is kept between two operators: in which type, and rounded to what.

Floating-point values are computed and held in float32. Where the program says `fp16`, every number is rounded to the
nearest float16 when it is stored (ties to even, beyond 65504 to infinity), so what is held is what float16 can hold.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["FLOATS", "array_from_tensor", "stored", "tensor_from_array"]

FLOATS = frozenset({"fp16", "fp32"})

_TORCH_TYPES = {
    "fp16": torch.float32,
    "fp32": torch.float32,
    "bool": torch.bool,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "int16": torch.int16,
    "uint16": torch.int32,  # torch computes with few unsigned types
    "int32": torch.int32,
    "uint32": torch.int64,
    "int64": torch.int64,
}
_SMALL = {
    f"{sign}int{bits}": torch.int8 if sign == "" else torch.uint8 for sign in ("", "u") for bits in (1, 2, 3, 4, 6)
}
_WIDER = {"float16": np.float32, "float64": np.float32, "uint16": np.int32, "uint32": np.int64, "uint64": np.int64}
_NUMPY_TYPES: dict[str, Any] = {"fp16": np.float16, "uint16": np.uint16, "uint32": np.uint32}


def stored(value: Tensor, dtype: str, *, rounded: bool = False) -> Tensor:
    """Return *value* as the program keeps it in the type *dtype*.

    *rounded*: its numbers are known to be float16 ones already, as after a move of such numbers.
    """
    if dtype == "fp16" and not rounded:
        return value.half().float()
    kept = _TORCH_TYPES.get(dtype) or _SMALL[dtype]
    return value if value.dtype == kept else value.to(kept)


def tensor_from_array(array: NDArray[Any]) -> Tensor:
    """Return *array* as a tensor: any float as float32, an unsigned type that torch lacks in a wider one."""
    wider = _WIDER.get(array.dtype.name, array.dtype)
    return torch.from_numpy(np.array(array, dtype=wider, order="C"))  # a copy: the file's own bytes are read-only


def array_from_tensor(value: Tensor, dtype: str) -> NDArray[Any]:
    """Return *value* as an array of the program's type *dtype*; it shares no memory with the evaluation."""
    array = value.detach().contiguous().numpy()
    return np.array(array, dtype=_NUMPY_TYPES.get(dtype, array.dtype))
