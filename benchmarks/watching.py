"""What reading the sensors costs the photos that are timed meanwhile.

Writes a folder that looks like a Jetson's /sys (its figures are made up, and none is printed), reads all of it as
skinseg-bench does, and prints the processor time of a look and its share of one core. The answer of a monitor behind
I2C takes longer on the clock; it is waited for without the processor, and is no part of this.

    python benchmarks/watching.py
"""

import statistics
import tempfile
import time
from pathlib import Path

from skinseg_runtime.device_sensors import Sensors, find_sensors
from skinseg_runtime.device_sensors.watch import INTERVAL_S

_LOOKS = 200
_ROUNDS = 7
_GOAL_SHARE = 0.01  # of one core


def main() -> None:
    """Print the cost and whether it stays below a hundredth of a core."""
    with tempfile.TemporaryDirectory() as folder:
        _write_board(Path(folder))
        sensors = find_sensors(Path(folder))
        cost_ms = statistics.median(_look_ms(sensors) for _ in range(_ROUNDS))
    share = cost_ms / 1000 / INTERVAL_S
    print("| sensors | processor time of a look | looks a second | share of one core | goal | |")
    print("| ---: | ---: | ---: | ---: | ---: | --- |")
    verdict = "pass" if share <= _GOAL_SHARE else "FAIL"
    figures = f"{cost_ms:.2f} ms | {1 / INTERVAL_S:.0f} | {share:.2%} | {_GOAL_SHARE:.0%}"
    print(f"| {len(sensors.found)} | {figures} | {verdict} |")


def _look_ms(sensors: Sensors) -> float:
    started = time.process_time()
    for _ in range(_LOOKS):
        for sensor in sensors.found:
            sensor.read()
    return (time.process_time() - started) / _LOOKS * 1000


def _write_board(root: Path) -> None:
    rails = root / "sys/class/hwmon/hwmon1"
    _write(rails / "name", "ina3221")
    for channel, label in enumerate(("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"), start=1):
        _write(rails / f"in{channel}_label", label)
        _write(rails / f"in{channel}_input", 1)
        _write(rails / f"curr{channel}_input", 1)
    for number in range(9):
        _write(root / f"sys/class/thermal/thermal_zone{number}/type", f"zone{number}")
        _write(root / f"sys/class/thermal/thermal_zone{number}/temp", 1)
    for number, part in enumerate(("cpu", "gpu", "cv0", "cv1", "cv2", "soc0", "soc1", "soc2")):
        _write(root / f"sys/class/thermal/cooling_device{number}/type", f"{part}-throttle-alert")
        _write(root / f"sys/class/thermal/cooling_device{number}/cur_state", 0)
    for policy in (0, 4):
        _write(root / f"sys/devices/system/cpu/cpufreq/policy{policy}/scaling_cur_freq", 1)
    _write(root / "sys/class/devfreq/17000000.gpu/cur_freq", 1)


def _write(path: Path, text: str | int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
