"""A progress that notes what a terminal does not bear: some versions of rich refuse a bar inside another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["OneBar"]


class OneBar:
    """Give it to an export as its progress. *seen*: every step's name. *nested*: the steps inside which one opened."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.nested: list[tuple[str, ...]] = []
        self._open: list[str] = []

    @contextmanager
    def __call__(self, _total: int, step: str) -> Iterator[Callable[[], None]]:
        """Open the bar of *step*."""
        self._open.append(step)
        self.seen.append(step)
        if len(self._open) > 1:
            self.nested.append(tuple(self._open))
        try:
            yield lambda: None
        finally:
            self._open.pop()
