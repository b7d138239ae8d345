"""Sensors that are read while something else works, by a thread of the same process."""

import time
from collections.abc import Callable, Mapping
from threading import Event, Thread
from types import TracebackType

from skinseg_runtime.device_sensors.figures import joules_of
from skinseg_runtime.device_sensors.observation import Observation, observe
from skinseg_runtime.device_sensors.sensor import Sensor, Sensors

__all__ = ["INTERVAL_S", "Watch", "idle_watts"]

INTERVAL_S = 0.2
_AT_REST_S = 1.0


class Watch:
    """Reads every sensor at the start of its block, each *interval_s*, and at the end.

    Without a sensor it starts no thread. *clock*: seconds that never go back.
    """

    def __init__(
        self, sensors: Sensors, *, interval_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.readings: list[tuple[Sensor, list[tuple[float, float]]]] = [(sensor, []) for sensor in sensors.found]
        self._sensors = sensors
        self._interval_s = interval_s
        self._clock = clock
        self._ended = Event()
        self._thread = Thread(target=self._go_on, daemon=True)
        self._started_s = self._stopped_s = 0.0

    def __enter__(self) -> "Watch":
        self._started_s = self._clock()
        if self.readings:
            self._sample()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped_s = self._clock()
        if self.readings:
            self._ended.set()
            self._thread.join()
            self._sample()

    def observation(
        self, photos: int, *, idle_w: Mapping[str, float] | None = None, power_mode: str | None = None
    ) -> Observation:
        """Return what was told while the block ran; *photos* were segmented in it. *idle_w*: see `idle_watts`."""
        return observe(
            self.readings,
            seconds=self._stopped_s - self._started_s,
            photos=photos,
            idle_w=idle_w,
            unread={unread.what: unread.why for unread in self._sensors.unread},
            power_mode=power_mode,
        )

    def _go_on(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._sample()

    def _sample(self) -> None:
        for sensor, series in self.readings:
            value = sensor.read()
            if value is not None:
                series.append((self._clock(), value))


def idle_watts(sensors: Sensors, *, seconds: float = _AT_REST_S) -> dict[str, float]:
    """Rest for some seconds and return the mean power of each source, W; at once and empty where none tells energy."""
    if not sensors.measures_energy:
        return {}
    with Watch(Sensors(sensors.of("power_w", "energy_j"))) as watch:
        time.sleep(seconds)
    found: dict[str, float] = {}
    for sensor, series in watch.readings:
        if (
            len(series) >= 2
            and series[-1][0] > series[0][0]
            and (sensor.name not in found or sensor.kind == "energy_j")
        ):
            found[sensor.name] = joules_of(sensor, series) / (series[-1][0] - series[0][0])
    return found
