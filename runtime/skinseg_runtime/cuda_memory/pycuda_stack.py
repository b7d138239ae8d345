"""pycuda's stack of contexts, which every thread must leave empty.

pycuda ends the whole process with abort() when a thread ends, or the main thread's libraries are unloaded, while a
context lies on its stack. A worker that has lost its GPU ends that way, and so does a script that forgets to close. So
what is pushed here is taken off at the thread's end, whoever still holds the device.
"""

import atexit
import threading
import weakref
from contextlib import suppress
from typing import Any

from skinseg_runtime.cuda_memory import driver_graphs
from skinseg_runtime.cuda_memory.device import CudaFault

__all__ = ["Stacked", "on_this_thread"]


class Stacked:
    """The primary context of GPU number *ordinal*, on the stack of the thread that made this object."""

    def __init__(self, cuda: Any, ordinal: int) -> None:
        self._cuda = cuda
        self._context: Any = cuda.Device(ordinal).retain_primary_context()
        self._context.push()
        self._thread = threading.get_ident()
        self.uses = 1

    @property
    def is_there(self) -> bool:
        """Whether it still lies on the stack."""
        return self._context is not None

    def leave(self) -> None:
        """End one use of it; the last takes it off the stack."""
        self.uses -= 1
        if self.uses == 0:
            self.take_off()

    def take_off(self) -> None:
        """Take it off the stack and let it go; a second call, or one on another thread, does nothing."""
        if self._context is None or threading.get_ident() != self._thread:
            return
        context, self._context = self._context, None
        try:
            context.pop()
        except self._cuda.Error:
            # A lost GPU may refuse to switch; detaching takes the context off pycuda's stack without asking.
            context.detach()
            return
        # Its destructor would take a primary context for a common one, and fail with words on stderr. `detach` does
        # not, but leaves what it pushed on the driver's own stack.
        context.detach()
        with suppress(CudaFault):
            driver_graphs.pop_context()


class _ThreadEnd:
    """Python drops it with the other values of its thread, on that thread."""

    def __init__(self) -> None:
        self.stacked: dict[int, Stacked] = {}

    def __del__(self) -> None:
        for stacked in reversed(self.stacked.values()):
            stacked.take_off()


_here = threading.local()
_all: "weakref.WeakSet[Stacked]" = weakref.WeakSet()


def on_this_thread(cuda: Any, ordinal: int) -> Stacked:
    """Push the primary context of GPU number *ordinal*, or use it once more where it already lies on the stack.

    It is taken off when the thread ends if nobody has done so before.
    """
    if not hasattr(_here, "end"):
        _here.end = _ThreadEnd()
    mine: dict[int, Stacked] = _here.end.stacked
    there = mine.pop(ordinal, None)
    if there is not None and there.is_there:
        there.uses += 1
        mine[ordinal] = there
        return there
    mine[ordinal] = Stacked(cuda, ordinal)
    _all.add(mine[ordinal])
    return mine[ordinal]


@atexit.register
def _leave_the_main_thread() -> None:
    for stacked in list(_all):
        stacked.take_off()
