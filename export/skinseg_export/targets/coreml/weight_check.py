"""Whether the constants of a package are the trained network's: a changed byte of a weight file need not turn a mask.

Every constant is held against the one in a program freshly converted in fp32, at the operator that takes it. What is
stored in float32 or float16 must be that number rounded; weights of 8 and 4 bits may miss it by half a step of their
channel's scale; those that choose from a table must be what the table gives that the trained weights give.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinseg_export.targets.coreml.alignment import aligned
from skinseg_export.targets.coreml.compression import table_of_values
from skinseg_export.targets.coreml.mil_reference import Evaluator, MilProgram
from skinseg_export.targets.coreml.mil_reference.program import Argument, Constant, Reference

__all__ = ["ForeignConstant", "foreign_constants"]

_HALF_STEPS = {"int8": 0.51 / 127, "w8a8": 0.51 / 127, "int4": 0.51 / 7}
_CHANNEL_AXES = {"conv": 0, "conv_transpose": 1, "linear": 0, "matmul": -1}  # of output channels, which have one scale
_SCALE_ROUNDING = 2e-3  # scales are stored in half precision
_LEAST = {"w8a8": 0.51 / 2**14}  # half a step of the smallest scale
_LEAST_OF_OTHERS = 127 / 2**25  # code 127 of a scale that is off by half of the smallest float16

Value = NDArray[Any] | str


@dataclass(frozen=True)
class ForeignConstant:
    """A constant that is not the trained network's. *operator*: what takes it, by name and kind, as *parameter*."""

    operator: str
    kind: str
    parameter: str
    words: str

    def __str__(self) -> str:
        return f"the {self.parameter} of {self.operator} ({self.kind}) {self.words}"


def foreign_constants(ours: MilProgram, fresh: MilProgram, precision: str) -> tuple[ForeignConstant, ...]:
    """Return the constants of *ours* that are not those of *fresh*, in the order of the program.

    *fresh*: the trained network, freshly converted in fp32. *precision*: in which *ours* holds its weights.
    """
    restored, folded = Evaluator(ours).restored, Evaluator(fresh).restored
    found = []
    for operation, twin in aligned(ours, fresh):
        for parameter, argument in operation.inputs.items():
            own, expected = _value(argument, restored), _value(twin.inputs.get(parameter), folded)
            if own is None or expected is None:
                continue
            if isinstance(argument, Reference) and isinstance(expected, np.ndarray):
                words = _difference(own, *_compressed(own, expected, operation.kind, precision))
            else:
                words = _difference(own, expected)
            if words:
                found.append(ForeignConstant(operation.outputs[0].name, operation.kind, parameter, words))
    return tuple(found)


def _value(argument: Argument | None, restored: dict[str, NDArray[Any]]) -> Value | None:
    if isinstance(argument, Constant):
        return argument.value
    return restored.get(argument.name) if isinstance(argument, Reference) else None


def _compressed(own: Value, expected: NDArray[Any], kind: str, precision: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what the weights *expected* of a *kind* of operator become, and how far *own* may be off each of them."""
    if precision == "palettized" and isinstance(own, np.ndarray) and own.dtype.kind == "f":
        table, places = table_of_values(expected.astype(own.dtype))
        return table[places].reshape(expected.shape), np.zeros(())
    axis = _CHANNEL_AXES.get(kind)
    others = tuple(place for place in range(expected.ndim) if axis is None or place != axis % expected.ndim)
    largest = np.abs(expected).max(others, keepdims=True, initial=0)
    steps = (_HALF_STEPS.get(precision, 0.0) + _SCALE_ROUNDING) * largest
    return expected, np.maximum(steps, _LEAST.get(precision, _LEAST_OF_OTHERS))


def _difference(own: Value, expected: Value, allowed: NDArray[Any] | None = None) -> str:
    """Say how *own* differs from *expected*, "" if it does not.

    *allowed*: how far each number may be off, in a shape that fits *expected*; None: it is that number, rounded.
    """
    if isinstance(own, str) or isinstance(expected, str):
        return "" if own == expected else f"is {own!r}, expected {expected!r}"
    if own.shape != expected.shape:
        return f"has the shape {own.shape}, expected {expected.shape}"
    if own.dtype.kind != "f" or expected.dtype.kind != "f":
        wrong = own != expected
    elif allowed is None:
        wrong = _is_another_number(own, expected)
    else:
        wrong = ~(np.abs(own.astype(np.float64) - expected) <= allowed)
    return _first_wrong(own, expected, wrong) if wrong.any() else ""


def _is_another_number(own: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.bool_]:
    with np.errstate(over="ignore"):  # what half precision cannot hold is infinite there
        rounded = expected.astype(own.dtype)
    if own.size == 1 and own.dtype == np.float16:  # a threshold is rounded upwards, away from what it must leave
        return np.asarray(np.abs(own.astype(np.float64) - rounded) > np.spacing(np.abs(rounded)).astype(np.float64))
    return np.asarray((own != rounded) & ~(np.isnan(own) & np.isnan(rounded)))


def _first_wrong(own: NDArray[Any], expected: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    place = int(np.flatnonzero(wrong)[0])
    numbers = f"{own.flat[place]:.6g}, expected {expected.flat[place]:.6g}"
    return f"differs in {int(wrong.sum())} of {own.size} numbers (number {place} is {numbers})"
