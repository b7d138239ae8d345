"""How the box is now: its disk, its heat, its engine, its queue and its outbox."""

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from skinseg_demo.services import Services
from skinseg_runtime.device_sensors import Sensors, find_sensors

__all__ = ["LEAST_FREE_BYTES", "BoxHealth", "Temperature", "checks_of", "look_at"]

LEAST_FREE_BYTES = 1_000_000_000
_NO_SENSOR = "no sensor of a temperature can be read on this machine"


@dataclass(frozen=True)
class Temperature:
    """One place of the machine. *name*: of its sensor."""

    name: str
    celsius: float


@dataclass(frozen=True)
class BoxHealth:
    """One look.

    *temperatures*: empty where none can be read, and *no_temperature* says why. *engine*: its state, "none" where
    nothing outlines; *reason*: why it failed. *waiting*, *places*: pictures in the queue, and how many may be.
    *outbox*: cases by state. *checks*: of `checks_of`.
    """

    free_bytes: int
    total_bytes: int
    temperatures: tuple[Temperature, ...]
    no_temperature: str | None
    engine: str
    reason: str | None
    waiting: int
    places: int
    outbox: Mapping[str, int]
    checks: Mapping[str, bool]

    @property
    def is_ready(self) -> bool:
        """Whether a picture can be taken and outlined."""
        return all(self.checks.values())


def checks_of(box: Services) -> dict[str, bool]:
    """Say by name whether each part of *box* lets a picture be taken and outlined."""
    engine = box.engine
    return {
        "engine": engine is not None and engine.state == "ready",
        "queue": engine is not None and engine.waiting < box.config.queue_places,
        "disk": shutil.disk_usage(box.config.state).free > LEAST_FREE_BYTES,
    }


def look_at(box: Services, sensors: Sensors | None = None) -> BoxHealth:
    """Look at *box* once; *sensors* stand in for those of this machine."""
    disk = shutil.disk_usage(box.config.state)
    temperatures, why_none = _temperatures(sensors if sensors is not None else _sensors_of(Path("/")))
    engine = box.engine
    return BoxHealth(
        free_bytes=disk.free,
        total_bytes=disk.total,
        temperatures=temperatures,
        no_temperature=why_none,
        engine="none" if engine is None else engine.state,
        reason=None if engine is None else engine.reason,
        waiting=0 if engine is None else engine.waiting,
        places=box.config.queue_places,
        outbox=Counter(entry.state for entry in box.store.outbox.list()),
        checks=checks_of(box),
    )


@cache
def _sensors_of(root: Path) -> Sensors:
    return find_sensors(root)  # what there is does not change while the box runs


def _temperatures(sensors: Sensors) -> tuple[tuple[Temperature, ...], str | None]:
    read = ((sensor.name, sensor.read()) for sensor in sensors.of("temperature_c"))
    found = tuple(Temperature(name, celsius) for name, celsius in read if celsius is not None)
    if found:
        return found, None
    return (), next((unread.why for unread in sensors.unread if unread.what == "temperature"), _NO_SENSOR)
