"""How much memory a build finds on this device."""

import re
from pathlib import Path

from skinseg_runtime.cuda_memory import open_cuda
from skinseg_runtime.memory_limit import memory_limit
from skinseg_runtime.this_device import Device

__all__ = ["free_memory"]

_KIB = 1024


def free_memory(device: Device, root: Path = Path("/")) -> tuple[int, int]:
    """Return free and all memory that the GPU of *device* works in, bytes.

    On a board whose memory it shares, what Linux calls available: CUDA's own figure leaves out what Linux would give
    back. Where a container or a service allows less, that counts. *root*: where `/proc` and `/sys` are looked for.

    Raises ToolMissing if CUDA must be asked and is not there.
    """
    shared = _shared(root) if device.is_integrated else None
    if shared is not None:
        return shared
    cuda = open_cuda()
    try:
        return cuda.memory()
    finally:
        cuda.close()


def _shared(root: Path) -> tuple[int, int] | None:
    try:
        text = (root / "proc/meminfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = {name: int(kib) * _KIB for name, kib in re.findall(r"^(MemAvailable|MemTotal):\s*(\d+) kB", text, re.M)}
    if len(found) != 2:
        return None
    free, total = found["MemAvailable"], found["MemTotal"]
    limit = memory_limit(root)
    return (free, total) if limit is None else (min(free, limit[0]), min(total, limit[1]))
