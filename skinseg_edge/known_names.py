"""Names in messages: the first of many, and the answer to one that nobody knows. Never a correction."""

import difflib
from collections.abc import Iterable, Sequence

from skinseg_edge.errors import UnknownName

__all__ = ["first_names", "unknown_name"]

_NAMES_SHOWN = 3


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UnknownName:
    """Make the error for *given*, which is no *kind* ("engine", "target") among *known*; the caller raises it.

    >>> print(unknown_name("engine", "onnxrutime", ["onnxruntime", "trt"]))
    cannot find the engine 'onnxrutime': known are onnxruntime, trt; did you mean 'onnxruntime'?
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(given.lower(), names, n=1)
    advice = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return UnknownName(f"cannot find the {kind} {given!r}: known are {', '.join(names) or 'none'}{advice}")


def first_names(names: Sequence[str]) -> str:
    """Return the first three of *names* for a message.

    >>> first_names(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
