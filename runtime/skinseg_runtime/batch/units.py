"""What goes to an executor and what comes back: a few pictures as one unit, and the rows that were made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skinseg_runtime.batch.items import Item

__all__ = ["Finished", "Unit", "UnitDone"]


@dataclass(frozen=True)
class Unit:
    """A few pictures that one worker does together; small and picklable, for it holds no picture.

    *number*: which unit of this start, from 0. *known*: for each item the SHA-256 (hex) of the content that its row was
    made of by an earlier start, None where there is no such row: one of the same content is not computed again.
    """

    number: int
    items: tuple[Item, ...]
    known: tuple[str | None, ...]


@dataclass(frozen=True)
class Finished:
    """One picture's row in the making.

    *sha256*: of its bytes, hex; None where its row does not follow from these alone (it could not be read, say), so
    that a later start tries it again. *row*: plain Python values by column, see `rows`; the same whichever executor
    made it, so without times and hosts. *mask_png*: the mask as a file; None with an error, or where the row has it.
    """

    name: str
    sha256: str | None
    row: Mapping[str, object]
    mask_png: bytes | None


@dataclass(frozen=True)
class UnitDone:
    """What became of a unit: *made* are its new rows, *taken_over* counts its pictures whose content was known."""

    number: int
    made: tuple[Finished, ...]
    taken_over: int
