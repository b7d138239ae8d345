"""What does the units of an archive: anything with this shape; nothing is inherited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from skinseg_runtime.batch.units import Unit, UnitDone
    from skinseg_runtime.batch.work import Work

__all__ = ["Executor"]


class Executor(Protocol):
    """Does units somewhere. Only the caller writes, so a unit that was begun twice still gives each row once."""

    def run(self, units: Iterable[Unit], work: Work) -> Iterator[UnitDone]:
        """Yield what became of each unit, exactly once, in any order.

        *units* are drawn as they are needed, a bounded number ahead of what was yielded. A worker's death costs its
        unit, which is done again; a picture that kills again and again gets a row with its error. When the caller
        stops (closes the iterator, Ctrl-C), whatever was started is ended.

        Raises what opening the bundle raises, and what the engine raises where no picture is to blame.
        """
        ...
