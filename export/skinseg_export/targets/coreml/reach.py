"""Which values of a program leave the range of half precision, found by evaluating its fp32 form on pictures.

A half-precision program holds every value in float16, which ends at 65504. A network whose normalisations square large
values (SCSONet's do) has infinities there, and the mask is another one. Such operations stay in float32.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.range_scan import SAFE_REACH
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilOperation, MilProgram
from skinseg_export.targets.coreml.mil_reference.program import Reference

__all__ = ["kept_in_single"]


def kept_in_single(fresh: MilProgram, pictures: Iterable[NDArray[np.uint8]]) -> frozenset[str]:
    """Return the names of the values whose operations must compute in float32, as *fresh* names them.

    *fresh*: the program in fp32. *pictures*: (H, W, 3) uint8 RGB at network size, one or more. An operation is meant if
    on one of them it takes or gives a number beyond SAFE_REACH, or one that is not finite.
    """
    far: set[str] = set()

    def watch(name: str, value: NDArray[Any]) -> None:
        if value.dtype.kind == "f" and not np.abs(value).max(initial=0) <= SAFE_REACH:  # a NaN is far
            far.add(name)

    evaluator = Evaluator(fresh)
    for picture in pictures:
        evaluator.run(picture, watch=watch)
    return frozenset(
        value.name
        for operation in fresh.operations
        if far.intersection(_names(operation))
        for value in operation.outputs
    )


def _names(operation: MilOperation) -> Iterator[str]:
    for argument in operation.inputs.values():
        parts = argument if isinstance(argument, tuple) else (argument,)
        yield from (part.name for part in parts if isinstance(part, Reference))
    yield from (value.name for value in operation.outputs)
