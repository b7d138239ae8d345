"""What a measurement was taken on: the kind of machine, the versions of what computed, the memory it took.

Nothing here names one machine or its owner, so a report may be shown to anybody.
"""

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from skinseg_edge._version import __version__
from skinseg_runtime.usable_cores import usable_cores

__all__ = ["machine", "peak_memory_mib", "resident_memory_mib", "versions"]

# What the packages of a device are called where they are imported; only those that are loaded are asked.
_LIBRARIES = {
    "onnxruntime": "onnxruntime",
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt_rtx",
    "numpy": "numpy",
    "opencv": "cv2",
}
_MIB = 1 << 20


def machine(root: Path = Path("/")) -> dict[str, object]:
    """Return the system, the processor's kind and the cores that this process may use.

    *root*: where `/proc` is looked for.
    """
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _board(root) or _processor(root) or platform.processor() or platform.machine(),
        "cores": usable_cores(root),
    }


def versions() -> dict[str, str]:
    """Return the version of this project, of Python and of each library that is loaded by now."""
    loaded = {name: sys.modules[module] for name, module in _LIBRARIES.items() if module in sys.modules}
    libraries = {name: str(getattr(module, "__version__", "unknown")) for name, module in loaded.items()}
    return {"skinseg-edge": __version__, "python": platform.python_version(), **libraries}


def peak_memory_mib(root: Path = Path("/")) -> float | None:
    """Return the most memory that this process has held so far, MiB; None on a system that does not tell.

    *root*: where `/proc` is looked for.
    """
    # getrusage is the second choice: on Linux its figure outlives exec, so that of a parent may stand there.
    high_water = _fields(root / "proc/self/status").get("VmHWM", "").removesuffix(" kB")
    if high_water.isdigit():
        return round(int(high_water) * 1024 / _MIB, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return round(largest * unit / _MIB, 1)


def resident_memory_mib(root: Path = Path("/")) -> float | None:
    """Return the memory that this process holds now, MiB; None where `/proc` below *root* does not tell."""
    resident = _fields(root / "proc/self/status").get("VmRSS", "").removesuffix(" kB")
    return round(int(resident) * 1024 / _MIB, 1) if resident.isdigit() else None


def _board(root: Path) -> str:
    """Return what a board such as a Jetson calls itself, or nothing."""
    return _text(root / "proc/device-tree/model").strip("\0\n ")


def _processor(root: Path) -> str:
    return _fields(root / "proc/cpuinfo").get("model name", "")


def _fields(path: Path) -> Mapping[str, str]:
    """Read lines such as `VmHWM:   9000 kB`; of those that come again, the first counts."""
    found: dict[str, str] = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
