"""Figures of a stretch of work: the spread of a reading, the energy of a source; and how several stretches join."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from skinseg_runtime.device_sensors.sensor import Sensor

__all__ = ["Meter", "Series", "Spread", "joined_meter", "joined_spreads", "joules_of", "spread_of"]

Series: TypeAlias = Sequence[tuple[float, float]]
"""Pairs of a time in seconds and a value, the earliest first."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The least, the mean and the greatest of some samples; *highest*: what a clock could reach, None if unknown."""

    least: float
    mean: float
    most: float
    highest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Meter:
    """Energy of one source.

    *joules* over *seconds* in which *photos* were segmented. *idle_w*: its mean power before the network was loaded,
    None if that was not measured. *counts*: whether it adds to the machine's energy. *includes*: what it holds.
    """

    joules: float
    seconds: float
    photos: int
    counts: bool
    includes: str
    idle_w: float | None = None

    @property
    def mj_per_photo(self) -> float:
        """Millijoules a photo, with what the machine draws at rest."""
        return self.joules / self.photos * 1000

    @property
    def above_idle_mj_per_photo(self) -> float | None:
        """Millijoules a photo beyond what the machine draws at rest; None if that is not known."""
        return None if self.idle_w is None else (self.joules - self.idle_w * self.seconds) / self.photos * 1000


def joules_of(sensor: Sensor, series: Series) -> float:
    """Return the energy over a series: of power by the trapezoid rule, of a counter the sum of its gains."""
    if sensor.kind == "power_w":
        return sum((later - at) * (watts + after) / 2 for (at, watts), (later, after) in pairwise(series))
    return sum(_gain(before, after, sensor.wraps_at) for (_, before), (_, after) in pairwise(series))


def _gain(before: float, after: float, wraps_at: float | None) -> float:
    """Return what a counter gained; one that went down has begun again at *wraps_at*, or was set back."""
    if after >= before:
        return after - before
    return after if wraps_at is None else wraps_at - before + after


def spread_of(sensor: Sensor, series: Series) -> Spread:
    """Return the spread of a series; *sensor* tells what could be reached."""
    values = [value for _, value in series]
    least, mean, most = (round(value, 3) for value in (min(values), sum(values) / len(values), max(values)))
    return Spread(least=least, mean=mean, most=most, highest=sensor.highest)


def joined_meter(parts: Sequence[Meter]) -> Meter:
    """Join the energy that one source gave in several stretches, at least one."""
    idle = [part.idle_w for part in parts if part.idle_w is not None]
    return Meter(
        joules=sum(part.joules for part in parts),
        seconds=sum(part.seconds for part in parts),
        photos=sum(part.photos for part in parts),
        counts=parts[0].counts,
        includes=parts[0].includes,
        idle_w=sum(idle) / len(idle) if idle else None,
    )


def joined_spreads(parts: Sequence[tuple[Mapping[str, Spread], float]]) -> dict[str, Spread]:
    """Join spreads; a mean weighs as much as its stretch was long."""
    weighed = [{name: (spread, seconds) for name, spread in found.items()} for found, seconds in parts]
    pairs: dict[str, list[tuple[Spread, float]]] = {}
    for part in weighed:
        for name, pair in part.items():
            pairs.setdefault(name, []).append(pair)
    return {name: _one_spread(found) for name, found in pairs.items()}


def _one_spread(parts: Sequence[tuple[Spread, float]]) -> Spread:
    total = sum(seconds for _, seconds in parts)
    mean = sum(spread.mean * seconds for spread, seconds in parts) / total if total else parts[0][0].mean
    return Spread(
        least=min(spread.least for spread, _ in parts),
        mean=round(mean, 3),
        most=max(spread.most for spread, _ in parts),
        highest=parts[0][0].highest,
    )
