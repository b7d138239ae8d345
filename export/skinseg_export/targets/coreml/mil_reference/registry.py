"""The operators that can be evaluated, by their names in Core ML.

A parameter whose annotation speaks of `Tensor` is handed a tensor (a tuple of them where the operator takes several
values); any other is handed the plain number, text or list, whether it stands in the file or was computed.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias, TypeVar

from torch import Tensor

from skinseg_edge.errors import VerificationFailed

__all__ = ["Operator", "Result", "UnknownOperator", "operator", "operator_kinds", "operator_named"]

Result: TypeAlias = Tensor | tuple[Tensor, ...]
Definition = TypeVar("Definition", bound=Callable[..., Result])

_PACKAGE = "skinseg_export.targets.coreml.mil_reference.operators"
_MODULES = (
    "activation",
    "arithmetic",
    "constexpr",
    "control",
    "convolution",
    "functions",
    "normalisation",
    "pooling",
    "products",
    "quantization",
    "rearrangement",
    "reduction",
    "resize",
    "shape",
)


class UnknownOperator(VerificationFailed):
    """An operator, or an input of one, that the evaluator has no definition of.

    *kind*: the operator. *name*: of its value. *place*: its number in the program, from 0. *parameter*: the input.
    """

    def __init__(self, kind: str, name: str, place: int, parameter: str | None = None) -> None:
        what = f"{kind}'s input {parameter!r}" if parameter else kind
        super().__init__(
            f"cannot evaluate the Core ML program: operation {place} ({name}) needs {what}, which the reference "
            "evaluator does not know; write it in mil_reference/operators, or export without it"
        )


@dataclass(frozen=True)
class Operator:
    """A definition.

    *tensors*: the parameters that take tensors. *moves_only*: whether every number that it gives is one that it took,
    so that nothing needs rounding.
    """

    kind: str
    function: Callable[..., Result]
    parameters: frozenset[str]
    tensors: frozenset[str]
    moves_only: bool


_operators: dict[str, Operator] = {}


def operator(kind: str, *, moves_only: bool = False) -> Callable[[Definition], Definition]:
    """Enter the decorated function as the definition of *kind*; see `Operator` for *moves_only*."""

    def enter(function: Definition) -> Definition:
        parameters = inspect.signature(function).parameters
        tensors = frozenset(name for name, parameter in parameters.items() if "Tensor" in str(parameter.annotation))
        assert kind not in _operators, f"{kind} is defined twice"
        _operators[kind] = Operator(kind, function, frozenset(parameters), tensors, moves_only)
        return function

    return enter


def operator_named(kind: str) -> Operator | None:
    """Return the definition of *kind*, None if there is none."""
    _load()
    return _operators.get(kind)


def operator_kinds() -> tuple[str, ...]:
    """Return the names of all operators that can be evaluated, sorted."""
    _load()
    return tuple(sorted(_operators))


def _load() -> None:
    for module in _MODULES:
        import_module(f"{_PACKAGE}.{module}")
