"""Temperatures, what holds a machine back, and clocks, read from made-up trees."""

from pathlib import Path

import pytest

from skinseg_runtime.device_sensors import find_sensors, power_mode
from skinseg_runtime.device_sensors.board_memory import board_memory
from skinseg_runtime.device_sensors.clocks import clocks
from skinseg_runtime.device_sensors.heat import heat
from skinseg_runtime.device_sensors.power_mode import NVPMODEL
from skinseg_runtime.device_sensors.sensor import Sensors
from tests.runtime.device_sensors.made_up_trees import made_up_heat, made_up_orin_rails, write


def _values(sensors: Sensors, kind: str) -> dict[str, float | None]:
    return {sensor.name: sensor.read() for sensor in sensors.found if sensor.kind == kind}


def test_a_zone_is_called_by_its_type_and_a_second_of_it_by_its_number(tmp_path: Path) -> None:
    made_up_heat(tmp_path, {"cpu-thermal": 48_500}, {})
    write(tmp_path, "sys/class/thermal/thermal_zone7/type", "cpu-thermal")
    write(tmp_path, "sys/class/thermal/thermal_zone7/temp", "51000")
    write(tmp_path, "sys/class/thermal/thermal_zone8/type", "gpu-thermal")  # asleep: no temperature
    values = _values(heat(tmp_path), "temperature_c")
    assert values == {"cpu-thermal": 48.5, "cpu-thermal 7": 51.0, "gpu-thermal": None}


def test_a_desktop_without_zones_tells_its_processors_own_temperature(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/hwmon/hwmon2/name", "k10temp")
    write(tmp_path, "sys/class/hwmon/hwmon2/temp1_input", 55_250)
    write(tmp_path, "sys/class/hwmon/hwmon5/name", "nvme")  # a disk
    write(tmp_path, "sys/class/hwmon/hwmon5/temp1_input", 33_000)
    assert _values(heat(tmp_path), "temperature_c") == {"processor": 55.25}


def test_a_jetson_tells_the_memory_in_use_on_the_board_and_others_do_not(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 5 kB\nMemAvailable: 6291456 kB")
    assert board_memory(tmp_path) == Sensors()
    write(tmp_path, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 1")
    assert _values(board_memory(tmp_path), "memory_mib") == {"board": 2048.0}


def test_an_alert_or_a_slowed_core_holds_back_and_a_fan_does_not(tmp_path: Path) -> None:
    devices = {"pwm-fan": 3, "cpu-throttle-alert": 0, "gpu-throttle-alert": 1, "devfreq-17000000.gpu": 4}
    made_up_heat(tmp_path, {}, {**devices, "cpufreq-cpu0": 0, "cpufreq-cpu4": 2})
    flags = _values(heat(tmp_path), "throttle_flag")
    assert flags == {"cpu-throttle-alert": 0.0, "gpu-throttle-alert": 1.0, "cpufreq-cpu": 1.0}


def test_a_count_of_throttled_time_is_the_most_that_any_core_gained_since(tmp_path: Path) -> None:
    cpu = tmp_path / "sys/devices/system/cpu"
    for core, milliseconds in ((0, 90_000), (1, 5_000)):
        write(cpu, f"cpu{core}/thermal_throttle/core_throttle_total_time_ms", milliseconds)
        write(cpu, f"cpu{core}/thermal_throttle/package_throttle_count", 3)
    found = heat(tmp_path)
    write(cpu, "cpu1/thermal_throttle/core_throttle_total_time_ms", 7_500)  # the lesser of both has gained 2.5 s
    write(cpu, "cpu0/thermal_throttle/package_throttle_count", 4)
    assert _values(found, "throttle_s") == {"heat of a core": 2.5}
    assert _values(found, "throttle_events") == {"heat of the processor package": 1.0}


def test_over_current_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/hwmon/hwmon3/oc3_event_cnt", 27)
    assert _values(heat(tmp_path), "throttle_events") == {"over-current oc3": 27.0}


def test_clocks_stand_beside_what_they_can_reach(tmp_path: Path) -> None:
    policy, gpu = "sys/devices/system/cpu/cpufreq/policy4", "sys/class/devfreq/17000000.gpu"
    write(tmp_path, f"{policy}/scaling_cur_freq", 729_600)  # kHz
    write(tmp_path, f"{policy}/cpuinfo_max_freq", 1_510_400)
    write(tmp_path, f"{gpu}/cur_freq", 306_000_000)  # Hz
    write(tmp_path, f"{gpu}/max_freq", 1_020_000_000)
    found = clocks(tmp_path)
    assert _values(found, "clock_mhz") == pytest.approx({"cores from 4": 729.6, "GPU": 306.0})
    assert [sensor.highest for sensor in found.found] == pytest.approx([1510.4, 1020.0])


def test_a_machine_that_shows_nothing_is_told_what_was_not_read(tmp_path: Path) -> None:
    found = find_sensors(tmp_path)
    assert found.found == ()
    assert {unread.what for unread in found.unread} == {"temperature", "throttling", "clocks", "energy"}


def test_a_jetson_shows_all_of_it_by_one_call(tmp_path: Path) -> None:
    made_up_orin_rails(tmp_path)
    made_up_heat(tmp_path, {"tj-thermal": 50_000}, {"gpu-throttle-alert": 0})
    write(tmp_path, "sys/class/devfreq/17000000.gpu/cur_freq", 1)
    found = find_sensors(tmp_path)
    assert {sensor.kind for sensor in found.found} == {"power_w", "temperature_c", "throttle_flag", "clock_mhz"}
    assert found.unread == ()


def test_the_power_mode_is_asked_by_a_fixed_path(tmp_path: Path) -> None:
    write(tmp_path, NVPMODEL.lstrip("/"), "")
    asked: list[list[str]] = []

    def told(command: object) -> str:
        assert isinstance(command, list)
        asked.append(command)
        return "NV Power Mode: 15W\n0\n"

    assert power_mode(tmp_path, told) == "15W"
    assert asked == [["/usr/sbin/nvpmodel", "-q"]]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"var/lib/nvpmodel/status": "pmode:0002"}, "2"),
        (
            {
                "var/lib/nvpmodel/status": "pmode:0002",
                "etc/nvpmodel.conf": "< POWER_MODEL ID=1 NAME=25W >\nCPU 1\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >",
            },
            "MAXN_SUPER",
        ),
        ({"var/lib/nvpmodel/status": "garbage"}, None),
    ],
)
def test_without_the_program_the_file_that_it_keeps_tells(
    files: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    assert power_mode(tmp_path, lambda _: None) == expected
