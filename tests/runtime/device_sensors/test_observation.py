"""From samples to figures: energy, spreads, seconds held back; and how stretches join."""

import json
import time
from dataclasses import replace
from typing import TypeAlias

import pytest

from skinseg_runtime.device_sensors import Observation, Sensor, Sensors, Unread, Watch, idle_watts
from skinseg_runtime.device_sensors.figures import joules_of
from skinseg_runtime.device_sensors.observation import LEAST_SECONDS, observe
from skinseg_runtime.device_sensors.sensor import Kind

Readings: TypeAlias = list[tuple[Sensor, list[tuple[float, float]]]]


def _sensor(kind: Kind, name: str = "s", *, counts: bool = True, wraps_at: float | None = None) -> Sensor:
    return Sensor(name=name, kind=kind, includes="made up", read=lambda: None, counts=counts, wraps_at=wraps_at)


def test_the_energy_of_a_power_is_its_integral_by_the_trapezoid_rule() -> None:
    # 0 to 4 W in 2 s is a triangle of 4 J, then 4 W for 3 s are 12 J.
    assert joules_of(_sensor("power_w"), [(0.0, 0.0), (2.0, 4.0), (5.0, 4.0)]) == pytest.approx(16.0)


def test_a_counter_that_begins_again_loses_nothing() -> None:
    counter = _sensor("energy_j", wraps_at=100.0)
    # 90 to 98 are 8, over the end to 3 are 5 more.
    assert joules_of(counter, [(0.0, 90.0), (1.0, 98.0), (2.0, 3.0)]) == pytest.approx(13.0)
    assert joules_of(_sensor("energy_j"), [(0.0, 90.0), (1.0, 3.0)]) == pytest.approx(3.0)  # set back to zero


def test_energy_is_told_a_photo_with_and_without_what_the_machine_draws_at_rest() -> None:
    steady = [(float(at), 6.0) for at in range(5)]
    found = observe([(_sensor("power_w", "VDD_IN"), steady)], seconds=4.0, photos=8, idle_w={"VDD_IN": 2.0})
    assert found.mj_per_photo == pytest.approx(3000.0)  # 6 W for 4 s over 8 photos
    assert found.above_idle_mj_per_photo == pytest.approx(2000.0)


def test_parts_of_another_source_are_told_and_do_not_add_up() -> None:
    steady = [(0.0, 2.0), (4.0, 2.0)]
    readings = [(_sensor("power_w", "whole"), steady), (_sensor("power_w", "part", counts=False), steady)]
    found = observe(readings, seconds=4.0, photos=1)
    assert set(found.meters) == {"whole", "part"}
    assert found.mj_per_photo == pytest.approx(8000.0)
    assert found.above_idle_mj_per_photo is None


def test_a_counter_is_believed_before_a_power_of_the_same_name() -> None:
    readings: Readings = [
        (_sensor("power_w", "GPU"), [(0.0, 9.0), (4.0, 9.0)]),
        (_sensor("energy_j", "GPU"), [(0.0, 1.0), (4.0, 5.0)]),
    ]
    assert observe(readings, seconds=4.0, photos=1).meters["GPU"].joules == pytest.approx(4.0)


def test_a_stretch_too_short_for_a_meter_has_no_energy_and_says_why() -> None:
    found = observe([(_sensor("power_w"), [(0.0, 5.0), (1.0, 5.0)])], seconds=LEAST_SECONDS / 2, photos=1)
    assert (found.meters, found.mj_per_photo) == ({}, None)
    assert found.unread["energy"] == "the timed photos took 1.0 s, a meter wants 2 s; use --seconds"


def test_what_was_read_once_or_never_is_not_read() -> None:
    found = observe([(_sensor("temperature_c", "zone"), [(0.0, 40.0)])], seconds=4.0, photos=1)
    assert (found.temperature_c, found.unread) == ({}, {"zone": "it gave no two values"})


@pytest.mark.parametrize("kind", ["power_w", "energy_j", "throttle_flag", "throttle_s", "throttle_events"])
def test_a_sensor_that_vanishes_midway_gives_no_half_of_a_sum(kind: Kind) -> None:
    until_midway = [(0.0, 1.0), (2.0, 3.0), (5.0, 6.0)]
    found = observe([(_sensor(kind, "rail"), until_midway)], seconds=10.0, photos=4)
    assert (found.meters, found.power_w, found.throttled_s, found.events) == ({}, {}, {}, {})
    assert (found.mj_per_photo, found.throttled_for_s) == (None, None)
    assert found.unread == {"rail": "it answered for 5.0 of 10.0 s"}


def test_a_temperature_is_told_as_far_as_it_was_read() -> None:
    found = observe([(_sensor("temperature_c", "zone"), [(0.0, 40.0), (5.0, 60.0)])], seconds=10.0, photos=4)
    assert found.temperature_c["zone"].most == 60.0


def test_a_machine_is_held_back_as_long_as_a_flag_was_seen_or_a_counter_gained() -> None:
    flag = [(0.0, 0.0), (1.0, 1.0), (3.0, 1.0), (4.0, 0.0), (5.0, 0.0)]  # from 1 s to 4 s
    readings = [
        (_sensor("throttle_flag", "alert"), flag),
        (_sensor("throttle_s", "core"), [(0.0, 7.0), (5.0, 8.5)]),
        (_sensor("throttle_events", "oc3"), [(0.0, 3.0), (5.0, 7.0)]),
    ]
    found = observe(readings, seconds=5.0, photos=1)
    assert found.throttled_s == {"alert": 3.0, "core": 1.5}
    assert (found.throttled_for_s, found.events) == (3.0, {"oc3": 4})
    assert observe([], seconds=5.0, photos=1).throttled_for_s is None  # not looked at is not zero


def test_stretches_join_by_their_length() -> None:
    def stretch(seconds: float, watts: float, photos: int) -> Observation:
        series = [(0.0, watts), (seconds, watts)]
        readings = [(_sensor("power_w"), series), (_sensor("throttle_flag", "alert"), [(0.0, 1.0), (seconds, 1.0)])]
        return observe(readings, seconds=seconds, photos=photos, idle_w={"s": 1.0} if photos == 1 else {})

    joined = Observation.joined([stretch(2.0, 3.0, 1), stretch(6.0, 7.0, 3)])

    assert (joined.seconds, joined.throttled_s) == (8.0, {"alert": 8.0})
    assert joined.mj_per_photo == pytest.approx((2 * 3 + 6 * 7) / 4 * 1000)
    assert joined.power_w["s"].mean == pytest.approx((2 * 3 + 6 * 7) / 8)
    assert (joined.power_w["s"].least, joined.power_w["s"].most) == (3.0, 7.0)
    assert joined.meters["s"].idle_w == 1.0
    with pytest.raises(ValueError, match="expected at least one"):
        Observation.joined([])


def test_an_observation_survives_the_way_through_json() -> None:
    readings: Readings = [
        (replace(_sensor("clock_mhz"), highest=9.0), [(0.0, 5.0), (4.0, 7.0)]),
        (_sensor("power_w", "p"), [(0.0, 1.0), (4.0, 1.0)]),
    ]
    found = observe(readings, seconds=4.0, photos=2, unread={"heat": "no zone"}, power_mode="15W")
    assert Observation.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_watch_reads_before_within_and_after_its_block_and_ends_its_thread() -> None:
    counted = iter(range(1000))
    sensor = Sensor(name="s", kind="energy_j", includes="made up", read=lambda: float(next(counted)))
    with Watch(Sensors((sensor,), (Unread("heat", "no zone"),)), interval_s=0.001) as watch:
        deadline = time.monotonic() + 10
        while len(watch.readings[0][1]) < 4 and time.monotonic() < deadline:
            time.sleep(0.001)
    values = [value for _, value in watch.readings[0][1]]
    assert len(values) >= 5
    assert values == [float(number) for number in range(len(values))]  # nothing was read after the block
    assert watch.observation(1).unread["heat"] == "no zone"


def test_rest_is_measured_only_where_something_tells_energy() -> None:
    steady = Sensor(name="VDD_IN", kind="power_w", includes="made up", read=lambda: 5.0)
    assert idle_watts(Sensors((steady,)), seconds=0.01) == pytest.approx({"VDD_IN": 5.0})
    assert idle_watts(Sensors(), seconds=3600) == {}  # at once
