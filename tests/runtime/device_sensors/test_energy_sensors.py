"""Rails of a Jetson and counters of a processor, read from made-up trees."""

from pathlib import Path

import pytest

from skinseg_runtime.device_sensors.jetson_rails import rails
from skinseg_runtime.device_sensors.rapl import ALLOW_RAPL, rapl
from skinseg_runtime.device_sensors.sensor import Sensors
from tests.runtime.device_sensors.made_up_trees import made_up_orin_rails, made_up_rails, made_up_rapl, write


def _values(sensors: Sensors) -> dict[str, float | None]:
    return {sensor.name: sensor.read() for sensor in sensors.found}


def _counted(sensors: Sensors) -> list[str]:
    return [sensor.name for sensor in sensors.found if sensor.counts]


def test_a_rails_power_is_its_voltage_times_its_current(tmp_path: Path) -> None:
    made_up_orin_rails(tmp_path)
    found = rails(tmp_path)
    # 5 V times 1 A, 0.4 A and 0.2 A; the sum of the shunts is no rail.
    assert _values(found) == pytest.approx({"VDD_IN": 5.0, "VDD_CPU_GPU_CV": 2.0, "VDD_SOC": 1.0})


def test_the_rail_of_the_whole_module_counts_alone(tmp_path: Path) -> None:
    made_up_orin_rails(tmp_path)
    found = rails(tmp_path)
    assert _counted(found) == ["VDD_IN"]
    assert [sensor.includes for sensor in found.found][:2] == [
        "the whole module",
        "the rail VDD_CPU_GPU_CV, a part of VDD_IN",
    ]


def test_a_board_without_such_a_rail_counts_all_and_says_so(tmp_path: Path) -> None:
    made_up_rails(tmp_path, {"VDD_GPU_SOC": (19000, 200), "VDD_CPU_CV": (19000, 100)}, number=1)
    made_up_rails(tmp_path, {"VDDQ_VDD2_1V8AO": (19000, 50), "NC": (0, 0)}, number=2)
    found = rails(tmp_path)
    assert _counted(found) == ["VDD_GPU_SOC", "VDD_CPU_CV", "VDDQ_VDD2_1V8AO"]
    assert all("this board names none that feeds all others" in sensor.includes for sensor in found.found)


def test_a_monitor_before_all_rails_tells_microwatts(tmp_path: Path) -> None:
    made_up_rails(tmp_path, {"VDD_GPU": (12000, 1000)})
    thor = tmp_path / "sys/class/hwmon/hwmon9"
    for name, text in {"name": "ina238", "power1_label": "VIN", "power1_input": "23000000"}.items():
        write(thor, name, text)
    found = rails(tmp_path)
    assert _values(found) == pytest.approx({"VDD_GPU": 12.0, "VIN": 23.0})
    assert _counted(found) == ["VIN"]


def test_a_rail_seen_by_two_ways_is_one_rail(tmp_path: Path) -> None:
    made_up_orin_rails(tmp_path)
    device = tmp_path / "sys/bus/i2c/devices/1-0040/hwmon"
    device.mkdir(parents=True)
    (device / "hwmon1").symlink_to(tmp_path / "sys/class/hwmon/hwmon1", target_is_directory=True)
    assert len(rails(tmp_path).found) == 3


def test_a_rail_that_falls_silent_gives_nothing_and_no_zero(tmp_path: Path) -> None:
    folder = made_up_orin_rails(tmp_path)
    (whole, *_) = rails(tmp_path).found
    (folder / "curr1_input").unlink()
    assert whole.read() is None


def test_packages_and_memory_count_and_what_lies_in_them_is_left_out(tmp_path: Path) -> None:
    zones = {
        "intel-rapl:0": ("package-0", 500_000),
        "intel-rapl:0:0": ("core", 400_000),
        "intel-rapl:0:1": ("dram", 100_000),
    }
    made_up_rapl(tmp_path, zones)
    found = rapl(tmp_path)
    assert _values(found) == pytest.approx({"package-0": 0.5, "dram 0": 0.1})
    assert _counted(found) == ["package-0", "dram 0"]
    assert [sensor.wraps_at for sensor in found.found] == [1.0, 1.0]


def test_a_counter_of_the_whole_board_counts_instead_of_its_parts(tmp_path: Path) -> None:
    made_up_rapl(tmp_path, {"intel-rapl:0": ("package-0", 5), "intel-rapl:1": ("psys", 9)})
    assert _counted(rapl(tmp_path)) == ["psys"]


def test_a_counter_that_is_closed_to_this_user_is_told_with_the_command_that_opens_it(tmp_path: Path) -> None:
    made_up_rapl(tmp_path, {"intel-rapl:0": ("package-0", 5)})
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").unlink()  # root may read whatever its mode is
    found = rapl(tmp_path)
    assert found.found == ()
    assert [(unread.what, unread.remedy) for unread in found.unread] == [("energy of the processor", ALLOW_RAPL)]


def test_a_machine_without_either_has_neither(tmp_path: Path) -> None:
    assert (rails(tmp_path), rapl(tmp_path)) == (Sensors(), Sensors())
