"""Who owns what a device made: one thread, until it is given back, and nothing is left when the device closes."""

import threading
from collections.abc import Callable

from skinseg_runtime.cuda_memory.device import CudaFault

__all__ = ["Held", "Ledger"]


class Held:
    """One thing of a device, and how it is given back: *release* is called once at most.

    A fault that has lost the device is swallowed there: with the context, CUDA has let go of everything.
    """

    def __init__(self, ledger: "Ledger", what: str, release: Callable[[], None]) -> None:
        self._ledger = ledger
        self._what = what
        self._release: Callable[[], None] | None = release

    def check(self) -> None:
        """Raise ValueError if it was given back, or this is not the thread of its device."""
        self._ledger.check()
        if self._release is None:
            raise ValueError(f"cannot use {self._what}: it was given back; make a new one")

    def give_back(self) -> None:
        """Give it back; a second call does nothing. Raises ValueError on another thread than its device's."""
        if self._release is None:
            return
        self._ledger.check()
        release, self._release = self._release, None
        self._ledger.strike(self)
        try:
            release()
        except CudaFault as fault:
            if not fault.is_sticky:
                raise


class Ledger:
    """What a device made and does not have back yet. *device*: how messages call it."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._thread = threading.get_ident()
        self._live: dict[int, Held] = {}
        self.is_open = True

    def check(self) -> None:
        """Raise ValueError if the device is closed, or this is not the thread that opened it."""
        if not self.is_open:
            raise ValueError(f"cannot use {self._device}: it is closed; open it again")
        if threading.get_ident() != self._thread:
            raise ValueError(f"cannot use {self._device} on this thread: use it where it was opened")

    def hold(self, what: str, release: Callable[[], None]) -> Held:
        """Write down that *what* was made."""
        held = Held(self, what, release)
        self._live[id(held)] = held
        return held

    def strike(self, held: Held) -> None:
        """Write down that *held* was given back."""
        del self._live[id(held)]

    def close(self) -> None:
        """Give back what is left, newest first, and refuse every later use; a second call does nothing.

        Raises the first CudaFault that has not lost the device, once everything was given back.
        """
        if not self.is_open:
            return
        self.check()
        faults = [fault for held in reversed(list(self._live.values())) if (fault := _fault_of(held)) is not None]
        self.is_open = False
        if faults:
            raise faults[0]


def _fault_of(held: Held) -> CudaFault | None:
    try:
        held.give_back()
    except CudaFault as fault:
        return fault
    return None
