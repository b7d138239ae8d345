"""Keep freed memory in the process while an export runs.

A network's large values are made and freed hundreds of times, by torch and by one ONNX Runtime session after another.
The C library returns each block of that size to the system at once, which clears every page of the next one: a
fifth of CM-SSM's export went there.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["kept_memory"]

# Parameters of mallopt and their defaults: malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER, _DEFAULT_TRIM_THRESHOLD, _DEFAULT_MMAP_MAX = -1, 128 * 1024, 65536


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let the GNU C library keep what is freed inside the block, and give it back behind; elsewhere do nothing."""
    set_option = _mallopt()
    if set_option is None:
        yield
        return
    set_option(_MMAP_MAX, 0)
    set_option(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        set_option(_MMAP_MAX, _DEFAULT_MMAP_MAX)
        set_option(_TRIM_THRESHOLD, _DEFAULT_TRIM_THRESHOLD)
        ctypes.CDLL(None).malloc_trim(0)


def _mallopt() -> Callable[[int, int], int] | None:
    """Return the function of the GNU C library, None where another one serves this process."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not all(hasattr(library, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim")):
        return None
    found: Callable[[int, int], int] = library.mallopt
    return found
