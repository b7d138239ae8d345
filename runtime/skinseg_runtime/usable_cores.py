"""How many cores this process may really use: fewer than the machine has, in a container or under taskset."""

import math
import os
from pathlib import Path

__all__ = ["usable_cores"]


def usable_cores(root: Path = Path("/")) -> int:
    """Return the cores that the scheduler's mask and the cgroup quota leave, at least 1.

    *root*: where `/proc` and `/sys` are looked for.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Rounded up: a quota of 1.5 cores is used better by two threads than by one.
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(root))]))


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
