"""What to say where CUDA cannot be used: no library, no driver, one too old, no GPU. Each has its own remedy."""

from skinseg_edge.errors import ToolMissing
from skinseg_runtime.cuda_memory.device import CudaFault

__all__ = ["broken_library", "driver_failed", "driver_too_old", "no_driver", "no_gpu", "no_library", "version_text"]

_INSTALL = "on a Jetson run pip install 'skinseg-edge[jetson]', elsewhere pip install cuda-bindings"


def version_text(number: int) -> str:
    """Write CUDA's number of a version as people do.

    >>> version_text(12060)
    '12.6'
    """
    return f"{number // 1000}.{number % 1000 // 10}"


def no_library(backend: str | None) -> ToolMissing:
    """Make the error where the library *backend* is not installed, or none of them for None."""
    missing = f"{backend} is not" if backend else "neither pycuda nor cuda.bindings is"
    return ToolMissing(f"cannot use the GPU: {missing} installed; {_INSTALL}")


def broken_library(backend: str, error: ImportError) -> ToolMissing:
    """Make the error for a Python library that is installed and does not load."""
    return ToolMissing(
        f"cannot use the GPU: {backend} is installed and does not load ({error}); install it again, built against the "
        "CUDA of this machine"
    )


def no_driver(backend: str) -> ToolMissing:
    """Make the error for a machine on which *backend* finds no NVIDIA driver."""
    return ToolMissing(
        f"cannot use the GPU: {backend} found no NVIDIA driver (libcuda) on this machine; install it (a Jetson has it "
        "from JetPack), and start a container with --runtime nvidia or --gpus all"
    )


def driver_failed(fault: CudaFault) -> ToolMissing:
    """Make the error for a driver that is there and does not start."""
    return ToolMissing(f"cannot use the GPU: {fault}; see whether nvidia-smi works here, and start the machine again")


def driver_too_old(known: int, needed: int) -> ToolMissing:
    """Make the error for a driver that knows CUDA up to *known*, below the *needed* one; both as CUDA's numbers."""
    return ToolMissing(
        f"cannot use the GPU: the NVIDIA driver knows CUDA up to {version_text(known)}, cuda-bindings needs "
        f"{version_text(needed)}; update the driver or run pip install 'cuda-bindings<{known // 1000 + 1}'"
    )


def no_gpu(ordinal: int, count: int) -> ToolMissing:
    """Make the error for GPU number *ordinal* on a machine that shows *count*, counted from 0."""
    return ToolMissing(
        f"cannot use GPU {ordinal}: the NVIDIA driver shows {count} GPUs; look at CUDA_VISIBLE_DEVICES, and in a "
        "container at --gpus"
    )
