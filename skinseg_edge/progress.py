"""How long work tells how far it is: whoever waits hands in a way to open a bar; `Ui.progress` is one."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

__all__ = ["Progress", "no_progress"]

Progress: TypeAlias = Callable[[int, str], AbstractContextManager[Callable[[], None]]]
"""Takes the number of parts and a description; what the block gets is called after each part. Bars do not nest."""


def no_progress(_total: int, _description: str) -> AbstractContextManager[Callable[[], None]]:
    """Tell nobody anything."""
    return nullcontext(lambda: None)
