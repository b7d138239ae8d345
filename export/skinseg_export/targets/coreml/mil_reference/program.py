"""An ML program as it lies in a package: operations in order, each with the values that it takes and gives.

A value is named as in the file; its type is one of Core ML's (`fp16`, `fp32`, `int32`, `bool`, ...).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

__all__ = ["Argument", "Constant", "MilInput", "MilOperation", "MilProgram", "MilValue", "Reference"]


@dataclass(frozen=True)
class Reference:
    """What another operation gives, or an input of the program, by name."""

    name: str


@dataclass(frozen=True, eq=False)
class Constant:
    """A value that stands in the file, or the default that the documentation gives.

    *value*: an array of any shape (numbers of fewer than eight bits each in a byte of their own), or a text.
    """

    name: str
    value: NDArray[Any] | str


Argument: TypeAlias = Reference | Constant | tuple[Reference | Constant, ...]


@dataclass(frozen=True)
class MilValue:
    """A named value. *shape*: None for a dimension that is free until the program runs."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class MilOperation:
    """One step. *kind*: the operator's name in Core ML. *inputs*: only those that are given or have a default."""

    name: str
    kind: str
    inputs: Mapping[str, Argument]
    outputs: tuple[MilValue, ...]


@dataclass(frozen=True)
class MilInput:
    """An input as an app sees it.

    *colours*: `RGB` or `BGR` of an image, the order in which Core ML hands its channels over; None of a plain tensor.
    *sizes*: the rows and columns that an image may have, px, its usual size first; empty of a plain tensor, and of an
    image whose size is free in a range.
    """

    value: MilValue
    colours: str | None = None
    sizes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class MilProgram:
    """A program read from *path*.

    *operations*: in the order of the file, without the constants, which stand in *constants* by name and in the inputs
    of what uses them. *metadata*: what the package says of itself, user-defined keys as they are.
    """

    path: Path
    specification_version: int
    inputs: tuple[MilInput, ...]
    outputs: tuple[MilValue, ...]
    operations: tuple[MilOperation, ...]
    constants: Mapping[str, NDArray[Any] | str] = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)

    @cached_property
    def kinds(self) -> Counter[str]:
        """How often each operator stands in it."""
        return Counter(operation.kind for operation in self.operations)
