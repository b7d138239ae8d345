"""Where an input or output of an engine lies: in memory of the GPU with a twin on the host, or once for both.

A GPU that shares the board's memory works on the host's bytes in place, so nothing is copied. A card of its own gets
page-locked memory on the host, from which copies run without the processor.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skinseg_runtime.cuda_memory.device import CudaDevice, Stream

__all__ = ["CopiedTensor", "MappedTensor", "TensorBuffer", "tensor_buffer"]


class TensorBuffer(Protocol):
    """Memory for one tensor."""

    @property
    def address(self) -> int:
        """Where kernels find it."""
        ...

    @property
    def array(self) -> NDArray[np.uint8]:
        """The host's view, (nbytes,) uint8."""
        ...

    def to_device(self, nbytes: int, stream: Stream) -> None:
        """Let kernels that are queued from now on see the first *nbytes* of the host's view."""
        ...

    def to_host(self, nbytes: int, stream: Stream) -> None:
        """Let the host see the first *nbytes* once *stream* is synchronized."""
        ...

    def close(self) -> None:
        """Give the memory back; a second call does nothing."""
        ...


class CopiedTensor:
    """Memory of the GPU and its twin on the host."""

    def __init__(self, cuda: CudaDevice, nbytes: int) -> None:
        self._cuda = cuda
        self._host = cuda.host_buffer(nbytes)
        try:
            self._device = cuda.device_buffer(nbytes)
        except BaseException:
            self._host.free()
            raise
        self.address = self._device.address
        self.array = self._host.array

    def to_device(self, nbytes: int, stream: Stream) -> None:
        """Queue the copy."""
        self._cuda.copy_to_device(self._device, self._host, nbytes, stream)

    def to_host(self, nbytes: int, stream: Stream) -> None:
        """Queue the copy."""
        self._cuda.copy_to_host(self._host, self._device, nbytes, stream)

    def close(self) -> None:
        """Give both back."""
        self._device.free()
        self._host.free()


class MappedTensor:
    """Memory of the host that the GPU works on in place."""

    def __init__(self, cuda: CudaDevice, nbytes: int) -> None:
        self._host = cuda.host_buffer(nbytes, mapped=True)
        address = self._host.device_address
        assert address is not None  # asked for mapped memory
        self.address = address
        self.array = self._host.array

    def to_device(self, nbytes: int, stream: Stream) -> None:
        """Do nothing: the GPU sees what the host wrote before the launch."""

    def to_host(self, nbytes: int, stream: Stream) -> None:
        """Do nothing: the host sees what the GPU wrote once the stream is synchronized."""

    def close(self) -> None:
        """Give it back."""
        self._host.free()


def tensor_buffer(cuda: CudaDevice, nbytes: int) -> TensorBuffer:
    """Allocate memory for a tensor in the way that suits the GPU."""
    if cuda.facts.is_integrated and cuda.facts.can_map_host:
        return MappedTensor(cuda, nbytes)
    return CopiedTensor(cuda, nbytes)
