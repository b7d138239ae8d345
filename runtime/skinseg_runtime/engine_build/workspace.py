"""How much memory a kernel may use while it is tried: enough to find the fast ones, not so much that the build dies."""

__all__ = ["workspace_mib"]

_LEAST_MIB = 64  # TensorRT-RTX builds the shipped network with 14; TensorRT itself is not known to need less
_MOST_SHARED_MIB = 4096  # hundreds of times what these networks need; the rest is for others on the board
_STEP_MIB = 32


def workspace_mib(free_bytes: int, total_bytes: int, is_integrated: bool) -> int:
    """Return the workspace to build with, MiB, for a GPU with so much memory free and in all.

    On a Jetson (*is_integrated*) CPU and GPU share the memory, and beside the workspace the building process holds
    TensorRT's libraries and kernels, the network's weights at least twice, and the system goes on; what is too much is
    answered by the kernel with a kill, not with an error. So a kernel gets a quarter of what is free, never more than
    an eighth of the board, and never more than 4 GiB: about 400 MiB on a 4 GB board, which shows 3.35 GiB, and about
    900 MiB on one with 8 GB. That is inside NVIDIA's advice of 256 MiB to 1 GiB for boards of this size.

    A graphics card has its memory to itself, and another process there loses nothing but speed by the other half: a
    kernel gets half of what is free. Without a limit TensorRT would take all memory of the card for its own.

    *free_bytes* on a Jetson is best what Linux calls available: CUDA's figure leaves out what Linux would give back.

    No figure of this was measured on a board; `--workspace` overrides it.

    >>> workspace_mib(5 << 30, 7620 << 20, True)
    928
    """
    shared = min(free_bytes // 4, total_bytes // 8, _MOST_SHARED_MIB << 20)
    allowed = shared if is_integrated else min(free_bytes, total_bytes) // 2
    whole = (allowed >> 20) // _STEP_MIB * _STEP_MIB
    return max(whole, _LEAST_MIB)
