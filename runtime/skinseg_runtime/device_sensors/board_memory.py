"""The memory in use on a Jetson, whose GPU takes from the same: CUDA's share is in no process's own figure."""

from functools import partial
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, text_in
from skinseg_runtime.jetpack import read_jetpack

__all__ = ["board_memory"]

_KIB_PER_MIB = 1024


def board_memory(root: Path = Path("/")) -> Sensors:
    """Return one sensor on a Jetson, none elsewhere: there a card tells its own memory.

    *root*: where `/proc` is looked for.
    """
    if read_jetpack(root) is None or _in_use_mib(root / "proc/meminfo") is None:
        return Sensors()
    includes = "memory in use on the board, by all processes, the GPU's share with it"
    read = partial(_in_use_mib, root / "proc/meminfo")
    return Sensors((Sensor(name="board", kind="memory_mib", includes=includes, read=read),))


def _in_use_mib(path: Path) -> float | None:
    rows = (line.replace(":", " ").split() for line in text_in(path).splitlines())
    kib = {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
    if "MemTotal" not in kib or "MemAvailable" not in kib:
        return None
    return (kib["MemTotal"] - kib["MemAvailable"]) / _KIB_PER_MIB
