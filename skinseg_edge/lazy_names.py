"""Names of a package that are imported when first touched, so that `--help` waits for no library."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["imported_when_touched"]


def imported_when_touched(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of *package* (PEP 562): each key of *homes* stands in the module of that name below it.

    It raises AttributeError for any other name.
    """

    def found(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return found
