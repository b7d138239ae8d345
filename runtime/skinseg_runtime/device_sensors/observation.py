"""What sensors told over a stretch of work: energy, temperatures, clocks, and how long the machine was held back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from skinseg_runtime.device_sensors.figures import (
    Meter,
    Series,
    Spread,
    joined_meter,
    joined_spreads,
    joules_of,
    spread_of,
)
from skinseg_runtime.device_sensors.sensor import Sensor

__all__ = ["LEAST_SECONDS", "Observation", "observe"]

LEAST_SECONDS = 2.0  # a rail's monitor averages over up to a second, so a shorter stretch may show what came before it

_SUMMED = ("power_w", "energy_j", "throttle_flag", "throttle_s", "throttle_events")
_LEAST_ANSWERED = 0.95  # of the stretch: reading all sensors at its two ends takes some of it

_Part = TypeVar("_Part")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All that was told over *seconds*; what is not in a mapping was not read, and *unread* says why.

    *meters*: energy by source. *temperature_c*, *clock_mhz*, *power_w*, *memory_mib*: by name. *throttled_s*: how long
    each reason held the machine back; 0.0 means that it was looked at and did not. *events*: how often, where only that
    is counted. *power_mode*: of a Jetson.
    """

    seconds: float
    meters: Mapping[str, Meter] = field(default_factory=dict)
    power_w: Mapping[str, Spread] = field(default_factory=dict)
    temperature_c: Mapping[str, Spread] = field(default_factory=dict)
    clock_mhz: Mapping[str, Spread] = field(default_factory=dict)
    memory_mib: Mapping[str, Spread] = field(default_factory=dict)
    throttled_s: Mapping[str, float] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    power_mode: str | None = None

    @property
    def mj_per_photo(self) -> float | None:
        """Millijoules a photo over all sources that count; None if no energy was read."""
        return _sum([meter.mj_per_photo for meter in self.meters.values() if meter.counts])

    @property
    def above_idle_mj_per_photo(self) -> float | None:
        """The same beyond rest; None unless each source that counts has a figure of rest."""
        return _sum([meter.above_idle_mj_per_photo for meter in self.meters.values() if meter.counts])

    @property
    def throttled_for_s(self) -> float | None:
        """How long the machine was held back at least: reasons may hold at once. None if that cannot be read."""
        return max(self.throttled_s.values(), default=None)

    @classmethod
    def joined(cls, parts: Sequence["Observation"]) -> "Observation":
        """Put stretches of the same work together.

        Raises ValueError if there is none.
        """
        if not parts:
            raise ValueError("no stretch of work was observed, expected at least one")
        weighed = [(part, part.seconds) for part in parts]
        return cls(
            seconds=sum(part.seconds for part in parts),
            meters=_joined((part.meters for part in parts), joined_meter),
            power_w=joined_spreads([(part.power_w, seconds) for part, seconds in weighed]),
            temperature_c=joined_spreads([(part.temperature_c, seconds) for part, seconds in weighed]),
            clock_mhz=joined_spreads([(part.clock_mhz, seconds) for part, seconds in weighed]),
            memory_mib=joined_spreads([(part.memory_mib, seconds) for part, seconds in weighed]),
            throttled_s=_joined((part.throttled_s for part in parts), sum),
            events=_joined((part.events for part in parts), sum),
            unread={what: why for part in reversed(parts) for what, why in part.unread.items()},
            power_mode=parts[0].power_mode,
        )

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`; `from_json` gives the same back."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Observation":
        """Read what `to_json` gave."""
        spreads = {
            kind: {name: Spread(**values) for name, values in document[kind].items()}
            for kind in ("power_w", "temperature_c", "clock_mhz", "memory_mib")
        }
        meters = {name: Meter(**values) for name, values in document["meters"].items()}
        return cls(**{**document, **spreads, "meters": meters})


def observe(
    readings: Sequence[tuple[Sensor, Series]],
    *,
    seconds: float,
    photos: int,
    idle_w: Mapping[str, float] | None = None,
    unread: Mapping[str, str] | None = None,
    power_mode: str | None = None,
) -> Observation:
    """Turn what each sensor gave over *seconds*, in which *photos* were segmented, into figures.

    A sensor with fewer than two values was not read, nor was a meter or a sign of throttling that was silent at the
    beginning or the end: half of an energy is no figure. *idle_w*: mean power at rest, by name.
    """
    gaps = [(sensor, series, _gap(sensor, series, seconds)) for sensor, series in readings]
    missed = {sensor.name: gap for sensor, _, gap in gaps if gap}
    whole = [(sensor, series) for sensor, series, gap in gaps if not gap]
    too_short = photos < 1 or seconds < LEAST_SECONDS
    meters = {} if too_short else _meters(whole, seconds, photos, idle_w or {})
    if too_short and any(sensor.kind in ("power_w", "energy_j") for sensor, _ in whole):
        missed["energy"] = f"the timed photos took {seconds:.1f} s, a meter wants {LEAST_SECONDS:.0f} s; use --seconds"
    return Observation(
        seconds=round(seconds, 3),
        meters=meters,
        power_w=_named_spreads(whole, "power_w"),
        temperature_c=_named_spreads(whole, "temperature_c"),
        clock_mhz=_named_spreads(whole, "clock_mhz"),
        memory_mib=_named_spreads(whole, "memory_mib"),
        throttled_s=_throttled(whole),
        events={s.name: round(series[-1][1] - series[0][1]) for s, series in whole if s.kind == "throttle_events"},
        unread={**(unread or {}), **missed},
        power_mode=power_mode,
    )


def _gap(sensor: Sensor, series: Series, seconds: float) -> str:
    """Say why a series is not to be used, empty if it is."""
    if len(series) < 2:
        return "it gave no two values"
    answered = series[-1][0] - series[0][0]
    if sensor.kind in _SUMMED and answered < _LEAST_ANSWERED * seconds:
        return f"it answered for {answered:.1f} of {seconds:.1f} s"
    return ""


def _meters(
    readings: Sequence[tuple[Sensor, Series]], seconds: float, photos: int, idle_w: Mapping[str, float]
) -> dict[str, Meter]:
    found: dict[str, Meter] = {}
    for sensor, series in sorted(readings, key=lambda reading: reading[0].kind):  # energy_j before power_w
        if sensor.kind not in ("power_w", "energy_j") or sensor.name in found:
            continue
        found[sensor.name] = Meter(
            joules=round(joules_of(sensor, series), 6),
            seconds=round(seconds, 3),
            photos=photos,
            counts=sensor.counts,
            includes=sensor.includes,
            idle_w=idle_w.get(sensor.name),
        )
    return found


def _named_spreads(readings: Sequence[tuple[Sensor, Series]], kind: str) -> dict[str, Spread]:
    return {sensor.name: spread_of(sensor, series) for sensor, series in readings if sensor.kind == kind}


def _throttled(readings: Sequence[tuple[Sensor, Series]]) -> dict[str, float]:
    """Return seconds: what a counter gained, or how long a flag was seen, each sample until the next."""
    found: dict[str, float] = {}
    for sensor, series in readings:
        if sensor.kind == "throttle_s":
            found[sensor.name] = round(series[-1][1] - series[0][1], 3)
        if sensor.kind == "throttle_flag":
            held = sum(later - at for (at, flag), (later, _) in pairwise(series) if flag)
            found[sensor.name] = round(held, 3)
    return found


def _joined(parts: Iterable[Mapping[str, _Part]], join: Callable[[list[_Part]], _Part]) -> dict[str, _Part]:
    listed = list(parts)
    names = dict.fromkeys(name for part in listed for name in part)
    return {name: join([part[name] for part in listed if name in part]) for name in names}


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
