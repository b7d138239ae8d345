"""Folders that look like a machine's /sys, with figures made up for a test and true of no device."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["made_up_heat", "made_up_orin_rails", "made_up_rails", "made_up_rapl", "write"]


def write(root: Path, name: str, text: str | int) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def made_up_rails(root: Path, rails: Mapping[str, tuple[int, int]], *, number: int = 1) -> Path:
    """Write one INA3221: for each rail its millivolts and milliamperes."""
    folder = root / f"sys/class/hwmon/hwmon{number}"
    write(folder, "name", "ina3221")
    for channel, (label, (millivolts, milliamperes)) in enumerate(rails.items(), start=1):
        write(folder, f"in{channel}_label", label)
        write(folder, f"in{channel}_input", millivolts)
        write(folder, f"curr{channel}_input", milliamperes)
    write(folder, "in7_label", "sum of shunt voltages")
    write(folder, "curr4_input", 99_999)
    return folder


def made_up_orin_rails(root: Path) -> Path:
    """Write the rails of an Orin NX or Nano: 5 V and 1 A for the whole module, less in its parts."""
    return made_up_rails(root, {"VDD_IN": (5000, 1000), "VDD_CPU_GPU_CV": (5000, 400), "VDD_SOC": (5000, 200)})


def made_up_rapl(root: Path, zones: Mapping[str, tuple[str, int]]) -> None:
    """Write energy counters: for each zone its name and microjoules; each begins again after 1 J."""
    for zone, (name, microjoules) in zones.items():
        folder = f"sys/class/powercap/{zone}"
        write(root, f"{folder}/name", name)
        write(root, f"{folder}/energy_uj", microjoules)
        write(root, f"{folder}/max_energy_range_uj", 1_000_000)


def made_up_heat(root: Path, zones: Mapping[str, int], devices: Mapping[str, int]) -> None:
    """Write thermal zones in thousandths of a degree, and cooling devices with their states."""
    for number, (name, milli) in enumerate(zones.items()):
        write(root, f"sys/class/thermal/thermal_zone{number}/type", name)
        write(root, f"sys/class/thermal/thermal_zone{number}/temp", milli)
    for number, (name, state) in enumerate(devices.items()):
        write(root, f"sys/class/thermal/cooling_device{number}/type", name)
        write(root, f"sys/class/thermal/cooling_device{number}/cur_state", state)
