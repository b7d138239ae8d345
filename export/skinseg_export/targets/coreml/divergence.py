"""Where a package leaves the trained network: its values against those of a program freshly converted in fp32."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.layer_values import relative_error
from skinseg_export.targets.coreml.alignment import aligned
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilProgram

__all__ = ["TOLERANCES", "can_be_compared", "divergence_story", "first_divergence"]

TOLERANCES = {"fp32": 1e-3, "fp16": 5e-2, "int8": 0.1, "int4": 0.5, "palettized": 0.5, "w8a8": 0.5}
"""Of a value's relative error: where a fault begins it is larger at once, and rounding never adds up to it."""

_MOST_BYTES = 4 * 2**30


def first_divergence(
    ours: MilProgram, fresh: MilProgram, picture: NDArray[np.uint8], tolerance: float
) -> tuple[str, str, float] | None:
    """Return the first operation of *ours* whose value left that in *fresh*: the value's name, the kind, the error.

    *picture*: (H, W, 3) uint8 RGB that both take. *tolerance*: of the relative error in the 2-norm; inf is the error of
    what is not finite. None if every value that both have holds; yes-or-no values and whole numbers are not compared.
    """
    theirs: dict[str, NDArray[Any]] = {}
    Evaluator(fresh).run(picture, watch=theirs.__setitem__)
    counterparts = {
        own.name: (other.name, operation.kind)
        for operation, twin in aligned(ours, fresh)
        for own, other in zip(operation.outputs, twin.outputs, strict=False)
    }
    found: list[tuple[str, str, float]] = []

    def watch(name: str, value: NDArray[Any]) -> None:
        other, kind = counterparts.get(name, ("", ""))
        if found or other not in theirs or theirs[other].shape != value.shape:
            return
        error = relative_error(value, theirs[other])
        if not error <= tolerance:  # a NaN diverges
            found.append((name, kind, error))

    Evaluator(ours).run(picture, watch=watch)
    return found[0] if found else None


def can_be_compared(program: MilProgram) -> bool:
    """Whether all values of *program* for one picture fit into 4 GiB."""
    shapes = (value.shape for operation in program.operations for value in operation.outputs)
    return sum(4 * math.prod(size or 1 for size in shape) for shape in shapes) <= _MOST_BYTES


def divergence_story(ours: MilProgram, fresh: MilProgram, picture: NDArray[np.uint8], precision: str) -> str:
    """Say which operator differs first, as the end of a sentence that begins with what is wrong."""
    if not can_be_compared(fresh):
        return "which operator differs first was not looked for: the values would take more than 4 GiB"
    found = first_divergence(ours, fresh, picture, TOLERANCES[precision])
    if found is None:
        return "no operator of it differs by much from a freshly converted program's"
    name, kind, error = found
    where = f"{name} ({kind}, relative error {error:.2g})"
    return f"the first operator that differs from a freshly converted program's is {where}"
