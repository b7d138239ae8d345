"""Which library speaks CUDA here, and the GPU that it opens."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from skinseg_edge.errors import ToolMissing
from skinseg_edge.known_names import unknown_name

if TYPE_CHECKING:
    from skinseg_runtime.cuda_memory.device import CudaDevice, GpuFacts

__all__ = ["BACKENDS", "gpu_facts", "open_cuda"]

BACKENDS = ("pycuda", "cuda.bindings")

_T = TypeVar("_T")


def open_cuda(backend: str | None = None, *, ordinal: int = 0) -> "CudaDevice":
    """Put a context on GPU number *ordinal*, for this thread.

    *backend*: one of BACKENDS; None takes the first that can.

    Raises UnknownName for another back end, ToolMissing if the library, the driver or the GPU is not there,
    CudaFault if the GPU takes no context.
    """
    return _first(backend, lambda name: _open(name, ordinal))


def gpu_facts(backend: str | None = None, *, ordinal: int = 0) -> "GpuFacts":
    """Tell what GPU number *ordinal* is, without a context on it.

    *backend*: one of BACKENDS; None takes the first that can.

    Raises UnknownName for another back end, ToolMissing if the library, the driver or the GPU is not there.
    """
    return _first(backend, lambda name: _facts(name, ordinal))


def _open(name: str, ordinal: int) -> "CudaDevice":
    if name == "pycuda":
        from skinseg_runtime.cuda_memory.pycuda_driver import PycudaDevice

        return PycudaDevice(ordinal)
    from skinseg_runtime.cuda_memory.cuda_bindings import CudaBindingsDevice

    return CudaBindingsDevice(ordinal)


def _facts(name: str, ordinal: int) -> "GpuFacts":
    if name == "pycuda":
        from skinseg_runtime.cuda_memory import pycuda_driver

        return pycuda_driver.gpu_facts(ordinal)
    from skinseg_runtime.cuda_memory import cuda_bindings

    return cuda_bindings.gpu_facts(ordinal)


def _first(backend: str | None, opened: Callable[[str], _T]) -> _T:
    """Return what the first usable back end gives; where none is, raise what the most telling one said."""
    from skinseg_runtime.cuda_memory.absent import broken_library, no_library

    if backend is not None and backend not in BACKENDS:
        raise unknown_name("CUDA back end", backend, BACKENDS)
    said: ToolMissing | None = None
    for name in BACKENDS if backend is None else (backend,):
        try:
            return opened(name)
        except ImportError as error:
            if not _is_absent(name, error):
                said = said or broken_library(name, error)
        except ToolMissing as error:
            said = said or error
    raise said or no_library(backend)


def _is_absent(name: str, error: ImportError) -> bool:
    """Tell whether the library itself was not found; one that is there may miss another."""
    return isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
