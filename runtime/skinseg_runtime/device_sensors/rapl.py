"""The energy counters of an Intel or AMD processor (RAPL), as Linux shows them below `/sys/class/powercap`.

Source of the names: the kernel's documentation, power/powercap. A counter is in microjoules and begins again at
`max_energy_range_uj`. Since 2020 only root may read it, because it can betray secrets (CVE-2020-8694).
"""

from functools import partial
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, Unread, number_in, text_in

__all__ = ["ALLOW_RAPL", "rapl"]

ALLOW_RAPL = "sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj  # until the next start"

_FROM_MICRO = 1e-6
_WHOLE_BOARD = "psys"


def rapl(root: Path = Path("/")) -> Sensors:
    """Return one counter a processor package and a memory, or one for the whole board where it has that.

    *root*: where `/sys` is looked for.
    """
    zones = {zone: text_in(zone / "name") for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:*"))}
    wanted = {zone: name for zone, name in zones.items() if _counts(name)}
    readable = {zone: name for zone, name in wanted.items() if number_in(zone / "energy_uj") is not None}
    closed = tuple(name for zone, name in wanted.items() if zone not in readable)
    unread = (Unread("energy of the processor", f"{closed[0]} is closed to this user", ALLOW_RAPL),) if closed else ()
    has_board = _WHOLE_BOARD in readable.values()
    return Sensors(tuple(_counter(zone, name, has_board) for zone, name in readable.items()), unread)


def _counts(name: str) -> bool:
    """Tell a zone of its own from a part of a package, such as its cores."""
    return name.startswith("package") or name in ("dram", _WHOLE_BOARD)


def _counter(zone: Path, name: str, has_board: bool) -> Sensor:
    package = zone.name.split(":")[1]  # intel-rapl:0 is a package, intel-rapl:0:1 lies in it
    told = {"dram": "the memory of a processor package", _WHOLE_BOARD: "what the board's maker wired to it"}
    return Sensor(
        name=f"{name} {package}" if name == "dram" else name,
        kind="energy_j",
        includes=told.get(name, "a processor package: cores, caches, built-in graphics; no disk, screen or fan"),
        read=partial(number_in, zone / "energy_uj", _FROM_MICRO),
        counts=name == _WHOLE_BOARD or not has_board,
        wraps_at=number_in(zone / "max_energy_range_uj", _FROM_MICRO),
    )
