"""How much memory a container or a service allows this process: `/proc/meminfo` tells only what the machine has."""

from pathlib import Path

__all__ = ["memory_limit"]

_NO_LIMIT = 1 << 60  # bytes; cgroup v1 writes its largest number for none


def memory_limit(root: Path = Path("/")) -> tuple[int, int] | None:
    """Return what is free below the narrowest cgroup limit around this process, and that limit, bytes; None without.

    *root*: where `/proc` and `/sys` are looked for. Files that were read and could be dropped count as free.
    """
    mount = root / "sys/fs/cgroup"
    found = [
        *(_room(folder, "memory.max", "memory.current", "inactive_file") for folder in _groups(root, mount)),
        _room(mount / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),  # v1
    ]
    limits = [pair for pair in found if pair is not None]
    return (min(free for free, _ in limits), min(limit for _, limit in limits)) if limits else None


def _groups(root: Path, mount: Path) -> list[Path]:
    for line in _text(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            own = Path(line[len("0::/") :])
            return [mount, mount / own, *(mount / parent for parent in own.parents)]
    return [mount]


def _room(folder: Path, most: str, used: str, droppable: str) -> tuple[int, int] | None:
    limit, now = _text(folder / most), _text(folder / used)
    if not (limit.isdigit() and now.isdigit()) or int(limit) >= _NO_LIMIT:  # "max" means none
        return None
    rows = dict(line.split(" ", 1) for line in _text(folder / "memory.stat").splitlines() if " " in line)
    dropped = rows.get(droppable, "0")
    free = int(limit) - int(now) + (int(dropped) if dropped.isdigit() else 0)
    return min(max(free, 0), int(limit)), int(limit)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
