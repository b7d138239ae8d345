"""How many cores this process may really use: fewer than the machine has, in a container or under taskset.

On processors with fast and slow cores (big.LITTLE) the steps of one picture wait for the slowest thread, so a network
runs best on the fast ones alone; several pictures at once may use all.
"""

import math
import os
import platform
from pathlib import Path

__all__ = ["fast_cores", "usable_cores"]

_CORES = "sys/devices/system/cpu"
_FAST = 0.5  # of the best core's capacity, which the kernel gives in 1/1024
_FAST_CLOCK = 0.85  # of the best core's; clusters of one design differ by less


def usable_cores(root: Path = Path("/")) -> int:
    """Return the cores that the scheduler's mask and the cgroup quota leave, at least 1.

    *root*: where `/proc` and `/sys` are looked for.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Rounded up: a quota of 1.5 cores is used better by two threads than by one.
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(root))]))


def fast_cores(root: Path = Path("/"), machine: str | None = None) -> int:
    """Return how many of the usable cores are fast, at least 1; all of them where the kernel does not tell.

    By `cpu_capacity`, or on Arm, where that is missing, by the highest clock. *root*: where `/proc` and `/sys` are
    looked for. *machine*: the architecture, as `platform.machine` names it; None asks.
    """
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    speeds, fast = _numbers(root, allowed, "cpu_capacity"), _FAST
    if not speeds and (machine or platform.machine()).lower().startswith(("aarch64", "arm")):
        speeds, fast = _numbers(root, allowed, "cpufreq/cpuinfo_max_freq"), _FAST_CLOCK
    if not speeds:
        return usable_cores(root)
    return max(1, min(usable_cores(root), sum(speed >= fast * max(speeds) for speed in speeds)))


def _numbers(root: Path, cores: list[int], name: str) -> list[int]:
    """Return the number in the file *name* of each of *cores*; none if one of them has no such file."""
    texts = [_text(root / _CORES / f"cpu{core}" / name) for core in cores]
    return [int(text) for text in texts] if all(text.isdigit() for text in texts) else []


def _quotas(root: Path) -> list[float]:
    """Return the quota in cores of every cgroup around this process that has one."""
    found: list[float] = []
    mount = root / "sys/fs/cgroup"
    for folder in (mount, *_own_groups(root, mount)):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        _append(found, quota, period)
    _append(found, _text(mount / "cpu/cpu.cfs_quota_us"), _text(mount / "cpu/cpu.cfs_period_us"))  # cgroup v1
    return found


def _own_groups(root: Path, mount: Path) -> list[Path]:
    for line in _text(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            own = Path(line[len("0::/") :])
            return [mount / own, *(mount / parent for parent in own.parents)]
    return []


def _append(found: list[float], quota: str, period: str) -> None:
    if quota.isdigit() and period.isdigit() and int(quota) > 0 and int(period) > 0:  # "max" and "-1" mean no quota
        found.append(int(quota) / int(period))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
