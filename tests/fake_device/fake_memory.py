"""The memory of the fake GPU: true bytes of this process at true addresses, with a register of what is alive."""

import ctypes
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Allocation", "Memory"]

_ALIGNMENT = 256  # as cudaMalloc gives
_POISON = 0xA5  # fresh memory holds no zeros, so nobody may count on them
_QUARANTINE = 64 << 20  # bytes kept after their release, so that a stale address never meets a new owner


@dataclass(frozen=True)
class Allocation:
    """*kind*: "device", "pinned", or "mapped" for pinned memory that kernels see."""

    address: int
    nbytes: int
    kind: str
    store: NDArray[np.uint8]


class Memory:
    """What was allocated and not freed."""

    def __init__(self) -> None:
        self._live: dict[int, Allocation] = {}
        self._stale: deque[Allocation] = deque()

    def allocate(self, nbytes: int, kind: str) -> Allocation:
        store = np.full(nbytes + _ALIGNMENT, _POISON, np.uint8)
        base = store.ctypes.data
        address = base + (-base) % _ALIGNMENT
        made = Allocation(address, nbytes, kind, store)
        self._live[address] = made
        return made

    def free(self, address: int, *, host: bool) -> bool:
        """Forget what begins at *address*; False if nothing of this kind does, as after a first free."""
        found = self._live.get(address)
        if found is None or (found.kind != "device") != host:
            return False
        self._stale.append(self._live.pop(address))
        while sum(old.nbytes for old in self._stale) > _QUARANTINE:
            self._stale.popleft()
        return True

    def holding(self, address: int, nbytes: int) -> Allocation | None:
        """Return the allocation that holds all of *nbytes* from *address* on, None if none does."""
        for made in self._live.values():
            if made.address <= address and address + nbytes <= made.address + made.nbytes:
                return made
        return None

    def is_known(self, address: int) -> bool:
        """Tell whether the address lies in anything that is or was allocated here."""
        return any(
            made.address <= address < made.address + made.nbytes for made in (*self._live.values(), *self._stale)
        )

    def live_bytes(self, kind: str | None = None) -> int:
        return sum(made.nbytes for made in self._live.values() if kind in (None, made.kind))


def bytes_at(address: int, nbytes: int) -> NDArray[np.uint8]:
    """View memory of this process as (nbytes,) uint8."""
    store = (ctypes.c_uint8 * nbytes).from_address(address)
    return np.frombuffer(memoryview(store).cast("B"), np.uint8)
