"""Walk through a program: each operation in turn, each result stored as the program says, each value freed after use.

What depends on constants alone (compressed weights above all) is computed once, when the evaluator is made.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skinseg_edge.errors import VerificationFailed
from skinseg_export.targets.coreml.mil_reference.program import (
    Argument,
    Constant,
    MilInput,
    MilOperation,
    MilProgram,
    MilValue,
    Reference,
)
from skinseg_export.targets.coreml.mil_reference.registry import Operator, UnknownOperator, operator_named
from skinseg_export.targets.coreml.mil_reference.storage import FLOATS, array_from_tensor, stored, tensor_from_array

__all__ = ["Evaluator", "Watch"]

Watch = Callable[[str, NDArray[Any]], None]


@dataclass(slots=True)
class _Step:
    """An operation made ready: *fixed* arguments, and *open* ones that wait for values by name."""

    operation: MilOperation
    operator: Operator
    fixed: dict[str, Any]
    open: list[tuple[str, Argument, bool]]
    last_used: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        return {name for _, argument, _ in self.open for name in _references(argument)}


class Evaluator:
    """Evaluates *program*; *outputs*: only what leads to these is computed, by default to all.

    Raises UnknownOperator if an operator or one of its inputs has no definition here, VerificationFailed if constants
    do not fit the operator that takes them.
    """

    def __init__(self, program: MilProgram, *, outputs: Collection[str] | None = None) -> None:
        self.program = program
        wanted = [value for value in program.outputs if outputs is None or value.name in outputs]
        self._outputs: tuple[MilValue, ...] = tuple(wanted)
        self._constants: dict[str, Tensor] = _constant_outputs(program, wanted)
        self._restored: list[MilValue] = []
        self._steps = self._planned()

    @property
    def restored(self) -> dict[str, NDArray[Any]]:
        """What depends on constants alone, by name, in the program's types: weights as they are multiplied."""
        return {value.name: array_from_tensor(self._constants[value.name], value.dtype) for value in self._restored}

    def run(self, image: NDArray[np.uint8], *, watch: Watch | None = None) -> dict[str, NDArray[Any]]:
        """Return the outputs by name for one picture, handed over as Core ML hands it over.

        *image*: (1, H, W, 3) or (H, W, 3) uint8 RGB. *watch*: called with name and value (in the program's type) of
        every result in the order of the program, but of those that depend on constants alone.

        Raises VerificationFailed if the program does not take one picture of this size, or an operation fails.
        """
        if len(self.program.inputs) != 1 or self.program.inputs[0].colours not in ("RGB", "BGR"):
            kinds = ", ".join(f"{given.value.name} ({given.colours or 'tensor'})" for given in self.program.inputs)
            raise VerificationFailed(
                f"cannot run {self.program.path.name} on a picture: it takes {kinds}, expected one RGB image; "
                "export it anew"
            )
        given = self.program.inputs[0]
        return self.evaluate({given.value.name: _pixels(image, given, self.program)}, watch=watch)

    def evaluate(self, inputs: Mapping[str, NDArray[Any]], *, watch: Watch | None = None) -> dict[str, NDArray[Any]]:
        """Return the outputs by name for the tensors *inputs*, which are stored in the program's types first."""
        values = dict(self._constants)
        for given in self.program.inputs:
            values[given.value.name] = stored(tensor_from_array(inputs[given.value.name]), given.value.dtype)
        with torch.inference_mode():
            for step in self._steps:
                for value, result in zip(step.operation.outputs, _results(step, values), strict=True):
                    values[value.name] = result
                    if watch is not None:
                        watch(value.name, array_from_tensor(result, value.dtype))
                for name in step.last_used:
                    del values[name]
        return {value.name: array_from_tensor(values[value.name], value.dtype) for value in self._outputs}

    def _planned(self) -> list[_Step]:
        """Return the steps that a picture must go through; the others are done here, once."""
        needed = _needed(self.program.operations, {value.name for value in self._outputs})
        known = {given.value.name for given in self.program.inputs}
        steps = []
        for place, operation in enumerate(self.program.operations):
            if not needed.isdisjoint(value.name for value in operation.outputs):
                step = _step(operation, place)
                if step.needs & known:
                    known.update(value.name for value in operation.outputs)
                    steps.append(step)
                else:
                    self._fold(step)
        _plan_release(steps, kept={value.name for value in self._outputs})
        return [self._bound(step) for step in steps]

    def _fold(self, step: _Step) -> None:
        with torch.inference_mode():
            results = _results(step, self._constants)
        for value, result in zip(step.operation.outputs, results, strict=True):
            self._constants[value.name] = result
            self._restored.append(value)

    def _bound(self, step: _Step) -> _Step:
        """Return *step* with every argument fixed that is known now."""
        still_open = []
        for parameter, argument, as_tensor in step.open:
            if all(name in self._constants for name in _references(argument)):
                step.fixed[parameter] = _given(argument, as_tensor, self._constants)
            else:
                still_open.append((parameter, argument, as_tensor))
        step.open = still_open
        return step


def _constant_outputs(program: MilProgram, outputs: Iterable[MilValue]) -> dict[str, Tensor]:
    given = ((value.name, program.constants.get(value.name)) for value in outputs)
    return {name: tensor_from_array(array) for name, array in given if isinstance(array, np.ndarray)}


def _needed(operations: Iterable[MilOperation], outputs: set[str]) -> set[str]:
    needed = set(outputs)
    for operation in reversed(tuple(operations)):
        if not needed.isdisjoint(value.name for value in operation.outputs):
            needed.update(name for argument in operation.inputs.values() for name in _references(argument))
    return needed


def _step(operation: MilOperation, place: int) -> _Step:
    definition = operator_named(operation.kind)
    if definition is None:
        raise UnknownOperator(operation.kind, operation.outputs[0].name, place)
    step = _Step(operation, definition, {}, [])
    for parameter, argument in operation.inputs.items():
        if parameter not in definition.parameters:
            raise UnknownOperator(operation.kind, operation.outputs[0].name, place, parameter)
        as_tensor = parameter in definition.tensors
        if any(_references(argument)):
            step.open.append((parameter, argument, as_tensor))
        else:
            step.fixed[parameter] = _given(argument, as_tensor, {})
    return step


def _plan_release(steps: list[_Step], *, kept: set[str]) -> None:
    """Note in each step which values nothing after it needs."""
    made = {value.name for step in steps for value in step.operation.outputs}
    seen = set(kept)
    for step in reversed(steps):
        own = step.needs & made | {value.name for value in step.operation.outputs}
        step.last_used = tuple(sorted(own - seen))
        seen |= own


def _references(argument: Argument) -> Iterable[str]:
    parts = argument if isinstance(argument, tuple) else (argument,)
    return [part.name for part in parts if isinstance(part, Reference)]


def _given(argument: Argument, as_tensor: bool, values: Mapping[str, Tensor]) -> Any:
    if isinstance(argument, tuple):
        return tuple(_given(part, as_tensor, values) for part in argument)
    if isinstance(argument, Constant):
        if isinstance(argument.value, str):
            return argument.value
        return tensor_from_array(argument.value) if as_tensor else argument.value.tolist()
    return values[argument.name] if as_tensor else values[argument.name].tolist()


def _results(step: _Step, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Return what the operation gives, each result as the program stores it."""
    operation = step.operation
    opened = {parameter: _given(argument, as_tensor, values) for parameter, argument, as_tensor in step.open}
    try:
        given = step.operator.function(**step.fixed, **opened)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:  # what torch says of shapes that do not fit
        raise VerificationFailed(
            f"cannot evaluate the Core ML program at {operation.outputs[0].name} ({operation.kind}): "
            f"{' '.join(str(error).split())[:200]}; export it anew"
        ) from error
    results = given if isinstance(given, tuple) else (given,)
    kept = []
    for value, result in zip(operation.outputs, results, strict=True):
        _check_shape(operation, value, result)
        kept.append(stored(result, value.dtype, rounded=step.operator.moves_only and value.dtype in FLOATS))
    return tuple(kept)


def _check_shape(operation: MilOperation, value: MilValue, result: Tensor) -> None:
    expected = value.shape
    if result.shape == expected:
        return
    if len(expected) == result.dim() and all(
        size in (None, got) for size, got in zip(expected, result.shape, strict=True)
    ):
        return
    raise VerificationFailed(
        f"cannot evaluate the Core ML program at {value.name} ({operation.kind}): its shape is {tuple(result.shape)}, "
        f"expected {expected}, as the program says; export it anew"
    )


def _pixels(image: NDArray[np.uint8], given: MilInput, program: MilProgram) -> NDArray[np.float32]:
    """Return (1, 3, H, W) float32 in [0, 255], the channels in the order that the program asks for."""
    picture = image[0] if image.ndim == 4 and len(image) == 1 else image
    is_picture = picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    if not is_picture or (given.sizes and picture.shape[:2] not in given.sizes):
        raise VerificationFailed(
            f"cannot run {program.path.name} on an image {image.shape} {image.dtype}: expected (1, H, W, 3) uint8, "
            f"H x W one of {list(given.sizes) or 'a range'}"
        )
    ordered = picture if given.colours == "RGB" else picture[:, :, ::-1]
    return np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], np.float32)  # (1, 3, H, W)
