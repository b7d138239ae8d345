"""What the doctor says of sensors, on made-up trees."""

from pathlib import Path

from skinseg_runtime.device_sensors.rapl import ALLOW_RAPL
from skinseg_runtime.doctor.sensor_checks import sensors
from tests.runtime.device_sensors.made_up_trees import made_up_heat, made_up_orin_rails, made_up_rapl
from tests.runtime.doctor.boards import host, told


def test_what_can_be_read_is_named(tmp_path: Path) -> None:
    made_up_orin_rails(tmp_path)
    made_up_heat(tmp_path, {"cpu-thermal": 1, "gpu-thermal": 1}, {"gpu-throttle-alert": 0})
    assert told(sensors(host(tmp_path))) == (
        "ok",
        "skinseg-bench reads energy of VDD_IN, VDD_CPU_GPU_CV, VDD_SOC, 2 temperatures, throttling; no clocks",
    )


def test_a_counter_that_is_closed_comes_with_the_command_that_opens_it(tmp_path: Path) -> None:
    made_up_rapl(tmp_path, {"intel-rapl:0": ("package-0", 1)})
    (tmp_path / "sys/class/powercap/intel-rapl:0/energy_uj").unlink()
    finding = sensors(host(tmp_path))
    assert (finding.status, finding.remedy) == ("warn", ALLOW_RAPL)
    assert "package-0 is closed to this user" in finding.found


def test_a_machine_that_tells_nothing_is_no_fault(tmp_path: Path) -> None:
    assert told(sensors(host(tmp_path))) == ("ok", "nothing here that skinseg-bench could read")
