"""A place for one thing between two threads: the whole of what may wait."""

import threading
import time
from typing import Generic, TypeVar

__all__ = ["Slot"]

T = TypeVar("T")


class Slot(Generic[T]):
    """One thing, on its way from the thread that puts it to the one that takes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[T] = []  # at most one
        self._is_closed = False

    def put_newest(self, thing: T) -> bool:
        """Put a thing in place of one that nobody has taken; say whether there was one. A closed slot takes nothing."""
        with self._changed:
            displaces = bool(self._held)
            if not self._is_closed:
                self._held = [thing]
                self._changed.notify_all()
            return displaces and not self._is_closed

    def put_waiting(self, thing: T) -> bool:
        """Wait until the place is free and put a thing there; False if the slot was closed instead."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or not self._held)
            if self._is_closed:
                return False
            self._held = [thing]
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for a thing and take it; None if the slot is closed and empty, or nothing came within *timeout_s*."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while not self._held and not self._is_closed:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            if not self._held:
                return None
            thing = self._held.pop()
            self._changed.notify_all()
            return thing

    def close(self, *, discarding: bool = False) -> None:
        """Take nothing more; what is there may still be taken, unless *discarding*. A second call does no harm."""
        with self._changed:
            self._is_closed = True
            if discarding:
                self._held.clear()
            self._changed.notify_all()
