"""One thing that can be read off a machine again and again, and what could not be."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["Kind", "Sensor", "Sensors", "Unread", "number_in", "text_in"]

Kind: TypeAlias = Literal[
    "power_w", "energy_j", "temperature_c", "clock_mhz", "memory_mib", "throttle_flag", "throttle_s", "throttle_events"
]
"""`throttle_flag`: 1 while the machine is held back, else 0. The last two and `energy_j` only ever count up."""


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """A reading that may be taken at any time.

    *name*: of what is measured, such as "VDD_IN"; a power and an energy sensor of one name measure the same thing.
    *kind*: what it gives, and in which unit. *includes*: what the figure holds, in words. *read*: returns it, or None
    if it cannot be read now. *counts*: whether its energy adds to that of the machine; parts of another do not.
    *wraps_at*: where a counter begins again, in its unit; None if never. *highest*: a clock's maximum, MHz, if known.
    """

    name: str
    kind: Kind
    includes: str
    read: Callable[[], float | None]
    counts: bool = False
    wraps_at: float | None = None
    highest: float | None = None


@dataclass(frozen=True)
class Unread:
    """What cannot be read here: *what*, *why* in words, and the command that mends it, None where nothing does."""

    what: str
    why: str
    remedy: str | None = None


@dataclass(frozen=True)
class Sensors:
    """All that was found on a machine, and what was looked for in vain."""

    found: tuple[Sensor, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def measures_energy(self) -> bool:
        """Whether anything tells how much energy is used."""
        return any(sensor.kind in ("power_w", "energy_j") for sensor in self.found)

    def of(self, *kinds: Kind) -> tuple[Sensor, ...]:
        """Return those of some kinds."""
        return tuple(sensor for sensor in self.found if sensor.kind in kinds)

    @classmethod
    def joined(cls, parts: Iterable["Sensors"]) -> "Sensors":
        """Put what was found in several places together."""
        listed = list(parts)
        found = tuple(sensor for part in listed for sensor in part.found)
        return cls(found, tuple(unread for part in listed for unread in part.unread))


def text_in(path: Path) -> str:
    """Return a file's text without what surrounds it, empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n\t ")
    except OSError:  # a device that sleeps answers with EAGAIN or EINVAL
        return ""


def number_in(path: Path, scale: float = 1.0) -> float | None:
    """Return a file's whole number times *scale*, None where there is none."""
    try:
        return int(text_in(path)) * scale
    except ValueError:
        return None
