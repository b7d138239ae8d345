"""Values out of a stored result: what is not there, or is of another kind, is none.

A result may be older than this version, or restored from a backup; a page should then say less, not fail.
"""

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["items_of", "mapping_of", "mappings_of", "number_of", "pair_of", "text_of"]


def items_of(value: object) -> Sequence[object]:
    """Return a list; empty if it is none."""
    return value if isinstance(value, list | tuple) else ()


def mapping_of(value: object) -> Mapping[str, object]:
    """Return an object; empty if it is none."""
    return value if isinstance(value, Mapping) else {}


def mappings_of(value: object) -> Iterator[Mapping[str, object]]:
    """Return the objects of a list."""
    return (each for each in items_of(value) if isinstance(each, Mapping))


def number_of(value: object) -> float | None:
    """Return a number; None if it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def pair_of(value: object) -> tuple[float, float] | None:
    """Return two numbers; None if it is not two."""
    match value:
        case [int() | float() as first, int() | float() as second]:
            return float(first), float(second)
    return None


def text_of(value: object) -> str | None:
    """Return a text that is not empty; None if it is none."""
    return value if isinstance(value, str) and value else None
