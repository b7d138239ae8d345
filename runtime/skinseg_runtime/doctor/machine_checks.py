"""The machine itself: system, Python, cores, memory, swap, disk."""

import re
from pathlib import Path

from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host
from skinseg_runtime.memory_limit import memory_limit
from skinseg_runtime.usable_cores import usable_cores

__all__ = ["DESKTOP_OFF", "MORE_SWAP", "cores", "disk", "memory", "python", "swap", "system"]

DESKTOP_OFF = "sudo systemctl isolate multi-user.target"
# zram first: compressed swap lies in the very memory that is short.
MORE_SWAP = (
    "sudo systemctl disable --now nvzramconfig; sudo fallocate -l 8G /swapfile && sudo chmod 600 /swapfile && "
    "sudo mkswap /swapfile && sudo swapon /swapfile"
)
_OLDEST_PYTHON, _NEWEST_PYTHON = (3, 10), (3, 13)
_KIB = 1 << 10
_GIB = 1 << 30
_KIB_PER_GIB = 1 << 20
# CUDA's and TensorRT's libraries take several hundred MiB, and a quarter of what is free goes to kernels.
_LEAST_FREE_GIB = 1.5
# Boards that hold no more than this build with swap on a disk; from NVIDIA's 8 GB modules down.
_SMALL_GIB = 8.5
_LEAST_SWAP_GIB = 3.5
_LEAST_DISK_GIB = 1.0


def system(host: Host) -> Finding:
    """Name the operating system and the processor's kind."""
    release = re.search(r'^PRETTY_NAME="?([^"\n]+)', host.text("etc/os-release"), flags=re.MULTILINE)
    named = f", {release[1]}" if release else ""
    return ok("system", f"{host.system} {host.processor}{named}")


def python(host: Host) -> Finding:
    """Hold Python's version against what this project supports, on a Jetson against JetPack's own."""
    version = ".".join(map(str, host.python))
    if not _OLDEST_PYTHON <= host.python <= _NEWEST_PYTHON:
        return missing(
            "python", f"Python {version}, supported are 3.10 to 3.13", "python3.12 -m venv ~/skinseg  # or 3.10 to 3.13"
        )
    own = _python_of_jetpack(host)
    if own is not None and host.python != own:
        wanted = ".".join(map(str, own))
        return missing(
            "python",
            f"Python {version}, but JetPack's TensorRT is for Python {wanted} alone",
            f"/usr/bin/python{wanted} -m venv --system-site-packages ~/skinseg",
        )
    place = "in a virtual environment" if host.is_venv else "the system's"
    return ok("python", f"Python {version}, {place}")


def cores(host: Host) -> Finding:
    """Count the cores that may be used."""
    count = usable_cores(host.root)
    return ok("cores", f"{count} may be used")


def memory(host: Host) -> Finding:
    """Tell the memory, and whether an engine can be built in what is free of it."""
    figures = host.numbers_kib("proc/meminfo")
    if "MemTotal" not in figures:
        return ok("memory", "this system does not tell")
    total = figures["MemTotal"] / _KIB_PER_GIB
    free = figures.get("MemAvailable", figures.get("MemFree", 0)) / _KIB_PER_GIB
    limit = memory_limit(host.root)
    if limit is not None and limit[1] < figures["MemTotal"] * _KIB:
        free, total = min(free, limit[0] / _GIB), limit[1] / _GIB
    found = f"{total:.1f} GiB, {free:.1f} GiB of it free"
    if free < _LEAST_FREE_GIB:
        return warn("memory", f"{found}; a build wants {_LEAST_FREE_GIB} GiB", _free_memory(host))
    return ok("memory", found)


def swap(host: Host) -> Finding:
    """Tell the swap on disks and in zram; a small Jetson builds safely only with the first."""
    on_disk, in_zram = _swap_gib(host)
    found = f"{on_disk:.1f} GiB on a disk, {in_zram:.1f} GiB in zram"
    total = host.numbers_kib("proc/meminfo").get("MemTotal", 0) / _KIB_PER_GIB
    if host.kind == "jetson" and 0 < total < _SMALL_GIB and on_disk < _LEAST_SWAP_GIB:
        return warn("swap", f"{found}; with {total:.1f} GiB of memory a build may be killed", MORE_SWAP)
    return ok("swap", found)


def disk(host: Host, place: Path) -> Finding:
    """Tell what is free where engines are written: around *place*."""
    free = host.free_bytes(place) / _GIB
    found = f"{free:.1f} GiB free around {place}"
    if free < _LEAST_DISK_GIB:
        return warn("disk", f"{found}, an engine and its caches want {_LEAST_DISK_GIB} GiB", "sudo apt clean")
    return ok("disk", found)


def _python_of_jetpack(host: Host) -> tuple[int, int] | None:
    """Return the Python whose folder JetPack's TensorRT fills; nobody can tell where it is not installed."""
    if host.jetpack is None:
        return None
    own = {"6": (3, 10), "7": (3, 12)}  # Ubuntu 22.04 and 24.04
    return own.get((host.jetpack.jetpack or "").partition(".")[0])


def _free_memory(host: Host) -> str:
    return DESKTOP_OFF if host.kind == "jetson" else "ps aux --sort=-rss | head  # end what needs most"


def _swap_gib(host: Host) -> tuple[float, float]:
    on_disk = in_zram = 0.0
    for line in host.text("proc/swaps").splitlines()[1:]:
        columns = line.split()
        if len(columns) < 3 or not columns[2].isdigit():
            continue
        if "zram" in columns[0]:
            in_zram += int(columns[2]) / _KIB_PER_GIB
        else:
            on_disk += int(columns[2]) / _KIB_PER_GIB
    return on_disk, in_zram
