"""Packages that look as if they were never installed."""

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["hide"]


class _Hidden:
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if any(name == hidden or name.startswith(f"{hidden}.") for hidden in self._names):
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by the test)", name=name)
        return None


def hide(names: Sequence[str]) -> _Hidden:
    """Make a finder for `sys.meta_path` that finds none of *names*, such as "tensorrt" or "cuda"."""
    return _Hidden(tuple(names))
