"""How hot a machine is, and whether heat or current holds it back.

Sources: the kernel's documentation of thermal zones and cooling devices (`/sys/class/thermal`) and of
`thermal_throttle` on x86; NVIDIA's of the over-current counters of a Jetson (`ocN_event_cnt` of `soctherm_oc`).
"""

import re
from functools import partial
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, Unread, number_in, text_in

__all__ = ["heat"]

_FROM_MILLI = 1e-3
# A fan cools without holding anything back, and the devfreq state of a Jetson's GPU also follows its power mode.
_HOLDS_BACK = re.compile(r"-alert$|cpufreq|^Processor$")
_PROCESSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_COUNTERS = {"core": "a core", "package": "the processor package"}


def heat(root: Path = Path("/")) -> Sensors:
    """Return temperatures, flags and counters.

    *root*: where `/sys` is looked for.
    """
    zones = tuple(_zones(root)) or tuple(_chips(root))
    holders = (*_flags(root), *_counters(root), *_over_current(root))
    unread = []
    if not zones:
        unread.append(Unread("temperature", "this system shows no thermal zone and no sensor of the processor"))
    if not holders:
        unread.append(Unread("throttling", "this system shows no cooling state and no throttle counter"))
    return Sensors((*zones, *holders), tuple(unread))


def _zones(root: Path) -> list[Sensor]:
    found: dict[str, Sensor] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*"), key=_number):
        name = text_in(zone / "type")
        if name:
            free = name if name not in found else f"{name} {_number(zone)}"
            read = partial(number_in, zone / "temp", _FROM_MILLI)
            found[free] = Sensor(name=free, kind="temperature_c", includes=f"the thermal zone {free}", read=read)
    return list(found.values())


def _chips(root: Path) -> list[Sensor]:
    """Return the processor's own sensor, which a desktop may show without a thermal zone."""
    folders = [folder for folder in sorted((root / "sys/class/hwmon").glob("hwmon*")) if _names_a_processor(folder)]
    return [
        Sensor(
            name=f"processor {place}" if place else "processor",
            kind="temperature_c",
            includes=f"the processor's own sensor ({text_in(folder / 'temp1_label') or text_in(folder / 'name')})",
            read=partial(number_in, folder / "temp1_input", _FROM_MILLI),
        )
        for place, folder in enumerate(folders)
    ]


def _names_a_processor(folder: Path) -> bool:
    return text_in(folder / "name") in _PROCESSORS and (folder / "temp1_input").exists()


def _flags(root: Path) -> list[Sensor]:
    """Return the cooling devices that slow something down; several of one type are one flag."""
    by_type: dict[str, list[Path]] = {}
    for device in sorted((root / "sys/class/thermal").glob("cooling_device*"), key=_number):
        name = text_in(device / "type")
        if _HOLDS_BACK.search(name):
            by_type.setdefault(re.sub(r"-?\d+$", "", name), []).append(device / "cur_state")
    return [
        Sensor(
            name=name,
            kind="throttle_flag",
            includes=f"{name} above its lowest state, by samples",
            read=partial(_is_active, tuple(states)),
        )
        for name, states in by_type.items()
    ]


def _is_active(states: tuple[Path, ...]) -> float | None:
    values = [value for state in states if (value := number_in(state)) is not None]
    return float(any(value > 0 for value in values)) if values else None


def _counters(root: Path) -> list[Sensor]:
    """Return what x86 counts: how long heat slowed a core or a package, and how often."""
    folders = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle"))
    found: list[Sensor] = []
    for part, words in _COUNTERS.items():
        times = tuple(path for folder in folders if (path := folder / f"{part}_throttle_total_time_ms").exists())
        counts = tuple(path for folder in folders if (path := folder / f"{part}_throttle_count").exists())
        if times:
            read = _MostSinceNow(times, _FROM_MILLI)
            includes = f"{words} slowed down by its own heat, the most of all"
            found.append(Sensor(name=f"heat of {words}", kind="throttle_s", includes=includes, read=read))
        elif counts:
            read = _MostSinceNow(counts)
            includes = f"times that {words} was slowed down by its own heat, the most of all"
            found.append(Sensor(name=f"heat of {words}", kind="throttle_events", includes=includes, read=read))
    return found


class _MostSinceNow:
    """Reads counters that start anywhere: the largest gain of any since this was made."""

    def __init__(self, paths: tuple[Path, ...], scale: float = 1.0) -> None:
        self._scale = scale
        self._starts = {path: value for path in paths if (value := number_in(path, scale)) is not None}

    def __call__(self) -> float | None:
        gains = (
            value - start for path, start in self._starts.items() if (value := number_in(path, self._scale)) is not None
        )
        return max(gains, default=None)


def _over_current(root: Path) -> list[Sensor]:
    found: dict[str, Sensor] = {}
    for path in sorted((root / "sys/class/hwmon").glob("hwmon*/oc*_event_cnt")):
        name = f"over-current {path.name.partition('_')[0]}"
        includes = "times that the supply's current slowed the board down for an instant"
        found[name] = Sensor(name=name, kind="throttle_events", includes=includes, read=partial(number_in, path))
    return list(found.values())


def _number(path: Path) -> int:
    digits = re.search(r"\d+$", path.name)
    return int(digits[0]) if digits else 0
