"""Memory of a GPU and of its host, whichever library allocated it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.cuda_memory.ledger import Held, Ledger

__all__ = ["GpuBuffer", "PinnedBuffer", "check_copy", "check_size"]


def check_size(nbytes: int) -> None:
    """Raise ValueError if nobody can allocate this many bytes."""
    if nbytes <= 0:
        raise ValueError(f"cannot allocate {nbytes} bytes: at least one is needed")


def check_copy(nbytes: int, target: int, source: int) -> None:
    """Raise ValueError if *nbytes* do not fit into buffers of *target* and *source* bytes."""
    if not 0 < nbytes <= min(target, source):
        raise ValueError(f"cannot copy {nbytes} bytes: the target has {target}, the source {source}")


class GpuBuffer:
    """Memory of the GPU."""

    def __init__(self, ledger: Ledger, address: int, nbytes: int, release: Callable[[], None]) -> None:
        self._held: Held = ledger.hold("a buffer of the GPU", release)
        self._address = address
        self.nbytes = nbytes

    @property
    def address(self) -> int:
        """Where it begins. Raises ValueError once freed."""
        self._held.check()
        return self._address

    def free(self) -> None:
        """Give it back; a second call does nothing."""
        self._held.give_back()


class PinnedBuffer:
    """Page-locked memory of the host. *array*: (nbytes,) uint8, over the very memory."""

    def __init__(
        self, ledger: Ledger, array: NDArray[np.uint8], device_address: int | None, release: Callable[[], None]
    ) -> None:
        self._held: Held = ledger.hold("a page-locked buffer", release)
        self._array: NDArray[np.uint8] | None = array
        self._device_address = device_address

    @property
    def array(self) -> NDArray[np.uint8]:
        """The memory itself, (nbytes,) uint8. Raises ValueError once freed."""
        self._held.check()
        assert self._array is not None  # kept until freed
        return self._array

    @property
    def device_address(self) -> int | None:
        """Where kernels find the same bytes if it is mapped, else None. Raises ValueError once freed."""
        self._held.check()
        return self._device_address

    def free(self) -> None:
        """Give it back; a second call does nothing. Arrays made from `array` must not be touched any more."""
        self._held.give_back()
        self._array = None
