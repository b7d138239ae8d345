"""Reads what pybind11 and Cython write above a function: its overloads and the names of their arguments."""

import re
from collections.abc import Sequence

__all__ = ["argument_names", "fits", "overloads"]

_OPEN, _CLOSE = "([{<", ")]}>"


def overloads(name: str, docstring: str) -> list[list[tuple[str, bool]]]:
    """Return the arguments of each overload: name, and whether it has a default; "self" is left out.

    >>> overloads("get", "get(self: trt.Engine, index: int, names: List[str] = None) -> str")
    [[('index', False), ('names', True)]]
    """
    starts = [match.end() for match in re.finditer(rf"^\s*(?:\d+\.\s)?{re.escape(name)}\(", docstring, re.MULTILINE)]
    found = [_arguments(docstring[start:]) for start in starts]
    return [arguments for arguments in found if arguments != [("*args", False), ("**kwargs", False)]]


def argument_names(name: str, docstring: str) -> list[str]:
    """Return the names in the one line that Cython writes, such as "cudaHostAlloc(size_t size, unsigned int flags)".

    >>> argument_names("cudaHostAlloc", "cudaHostAlloc(size_t size, unsigned int flags)")
    ['size', 'flags']
    """
    (found,) = overloads(name, docstring)
    return [argument.split()[-1] for argument, _ in found]


def fits(arguments: Sequence[str], overload: Sequence[tuple[str, bool]]) -> bool:
    """Tell whether a call with these names, in this order, leaves nothing out that has no default."""
    known = [name for name, _ in overload]
    return known[: len(arguments)] == list(arguments) and all(has for _, has in overload[len(arguments) :])


def _arguments(text: str) -> list[tuple[str, bool]]:
    parts = [part.strip() for part in _parts(text)]
    named = [(re.split(r"[:=]", part)[0].strip(), "=" in part) for part in parts if part]
    return named[1:] if named and named[0][0] == "self" else named


def _parts(text: str) -> list[str]:
    """Cut at commas that no bracket encloses, up to the bracket that closes the list."""
    depth, parts = 0, [""]
    for letter in text:
        if letter in _CLOSE and depth == 0:
            return parts
        depth += (letter in _OPEN) - (letter in _CLOSE)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    raise ValueError(f"no end of arguments in {text[:80]!r}")
