"""The answer to a name that nobody knows: what was given, what is there, which is nearest. Never a correction."""

import difflib
from collections.abc import Iterable

from skinseg_edge.errors import UnknownName

__all__ = ["unknown_name"]


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UnknownName:
    """Make the error for *given*, which is no *kind* ("engine", "target") among *known*; the caller raises it.

    >>> print(unknown_name("engine", "onnxrutime", ["onnxruntime", "trt"]))
    cannot find the engine 'onnxrutime': known are onnxruntime, trt; did you mean 'onnxruntime'?
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(given.lower(), names, n=1)
    advice = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return UnknownName(f"cannot find the {kind} {given!r}: known are {', '.join(names) or 'none'}{advice}")
