"""A case: one operator in a program, and what torch makes of the same numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skinseg_export.foreign_noise import quiet
from skinseg_export.targets.coreml.mil_reference import MilProgram
from tests.export.targets.coreml.mil_reference.conversion import evaluated, saved, saved_module

__all__ = ["Answers", "Case", "answers", "close", "numbers"]


@dataclass(frozen=True)
class Case:
    """*kind*: the operator that the program must hold. *expected*: what torch makes of *inputs*.

    *built*: makes the operator with MIL's builder, from that and the inputs; without it coremltools converts
    *expected*. *note*: tells cases of one kind apart. *ios*: the oldest system of the program.
    """

    kind: str
    expected: Callable[..., Tensor]
    inputs: tuple[Tensor, ...]
    built: Callable[..., Any] | None = None
    note: str = ""
    ios: int = 17

    @property
    def name(self) -> str:
        return f"{self.kind} {self.note}".strip()


@dataclass(frozen=True)
class Answers:
    """*programs*: what was saved. *given*, *expected*: by the case's name."""

    programs: tuple[MilProgram, ...]
    given: dict[str, NDArray[Any]]
    expected: dict[str, NDArray[Any]]


def numbers(*shape: int, seed: int = 0, low: float = -3, high: float = 3) -> Tensor:
    """Return reproducible numbers that float16 holds exactly."""
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    return (low + (high - low) * drawn).half().float()


def answers(cases: Sequence[Case], folder: Path, precision: str) -> Answers:
    """Put all *cases* of one kind of making into one program, save it, read it back, evaluate it."""
    programs: list[MilProgram] = []
    given: dict[str, NDArray[Any]] = {}
    for making in sorted({(case.built is not None, case.ios) for case in cases}):
        chosen = [case for case in cases if (case.built is not None, case.ios) == making]
        inputs = list({id(value): value for case in chosen for value in case.inputs}.values())
        make = _built if making[0] else _traced
        program = make(chosen, inputs, folder / f"{making[0]}-{making[1]}.mlpackage", precision)
        programs.append(program)
        given |= dict(zip([case.name for case in chosen], evaluated(program, inputs), strict=True))
    expected = {case.name: case.expected(*case.inputs).numpy() for case in cases}
    return Answers(tuple(programs), given, expected)


def _positions(case: Case, inputs: Sequence[Tensor]) -> list[int]:
    return [[value is other for other in inputs].index(True) for value in case.inputs]


class _All(nn.Module):
    """Answers every case."""

    def __init__(self, cases: Sequence[Case], inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.chosen = [(case.expected, _positions(case, inputs)) for case in cases]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the answers in order."""
        return tuple(answer(*[inputs[place] for place in places]) for answer, places in self.chosen)


def _traced(cases: Sequence[Case], inputs: Sequence[Tensor], package: Path, precision: str) -> MilProgram:
    return saved_module(_All(cases, inputs), inputs, package, precision=precision, ios=cases[0].ios)


def _built(cases: Sequence[Case], inputs: Sequence[Tensor], package: Path, precision: str) -> MilProgram:
    import coremltools as ct
    from coremltools.converters.mil.mil import Builder, Function, Program, types

    kinds = {torch.float32: types.fp32, torch.int32: types.int32}
    target = ct.target.iOS18 if cases[0].ios == 18 else ct.target.iOS17
    builder: Any = Builder  # its operators are entered at run time
    with quiet():
        given = {
            f"x{place}": builder.placeholder(tuple(value.shape), dtype=kinds[value.dtype])
            for place, value in enumerate(inputs)
        }
        with Function(given, opset_version=target) as function:
            values = [function.inputs[name] for name in given]
            function.set_outputs(_build_all(cases, inputs, builder, values))
        program = Program()
        program.add_function("main", function)
    return saved(program, package, precision, target)


def _build_all(cases: Sequence[Case], inputs: Sequence[Tensor], mb: Any, values: Sequence[Any]) -> list[Any]:
    made = []
    for case in cases:
        assert case.built is not None
        made.append(case.built(mb, *[values[place] for place in _positions(case, inputs)]))
    return made


def close(given: NDArray[Any], expected: NDArray[Any], precision: str) -> None:
    """Check *given* against *expected*.

    float32: 1e-5 of the number, for sums in another order. float16: 4e-3 of it, some roundings of 2^-11 each.
    """
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(given, expected)
        return
    tolerance = 1e-5 if precision == "fp32" else 4e-3
    np.testing.assert_allclose(given.astype(np.float32), expected, rtol=tolerance, atol=tolerance)
