"""The power that a Jetson draws, from the monitors on its rails: INA3221, and on Thor an INA238 before them.

Linux shows them as hwmon devices (kernel documentation, hwmon/ina3221 and hwmon/ina238): `inN_input` in mV,
`currN_input` in mA and `inN_label`, or `power1_input` in microwatts. NVIDIA's names: VDD_IN is the whole module of an
Orin NX or Nano, VIN the whole input of a Thor; an AGX shows parts alone.
"""

from functools import partial
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, number_in, text_in

__all__ = ["rails"]

_MONITORS = ("ina3221", "ina238")
_WHOLE = {"VDD_IN": "the whole module", "POM_5V_IN": "the whole module", "VIN": "the whole board, carrier included"}
_CHANNELS = (1, 2, 3)  # of an INA3221; what follows are its shunts and their sum
_FROM_MILLI = 1e-3
_FROM_MICRO = 1e-6


def rails(root: Path = Path("/")) -> Sensors:
    """Return one sensor a rail.

    *root*: where `/sys` is looked for.
    """
    found: list[Sensor] = []
    for folder in _monitors(root):
        found += _channels(folder) or _single(folder)
    names = {sensor.name for sensor in found}
    whole = next((name for name in _WHOLE if name in names), None)
    return Sensors(tuple(_weighed(sensor, whole) for sensor in found))


def _monitors(root: Path) -> list[Path]:
    places = [*(root / "sys/class/hwmon").glob("hwmon*"), *(root / "sys/bus/i2c/devices").glob("*/hwmon/hwmon*")]
    folders = {folder.resolve(): folder for folder in places if text_in(folder / "name") in _MONITORS}
    return [folders[place] for place in sorted(folders)]


def _channels(folder: Path) -> list[Sensor]:
    found: list[Sensor] = []
    for channel in _CHANNELS:
        label = text_in(folder / f"in{channel}_label")
        if label and "NC" not in label.split("_") and (folder / f"curr{channel}_input").exists():  # NC: not connected
            found.append(_rail(label, partial(_product_w, folder, channel)))
    return found


def _single(folder: Path) -> list[Sensor]:
    if not (folder / "power1_input").exists():
        return []
    label = text_in(folder / "power1_label") or text_in(folder / "in1_label") or text_in(folder / "name").upper()
    return [_rail(label, partial(number_in, folder / "power1_input", _FROM_MICRO))]


def _rail(label: str, read: partial[float | None]) -> Sensor:
    return Sensor(name=label, kind="power_w", includes=f"the rail {label}", read=read)


def _product_w(folder: Path, channel: int) -> float | None:
    volts = number_in(folder / f"in{channel}_input", _FROM_MILLI)
    amperes = number_in(folder / f"curr{channel}_input", _FROM_MILLI)
    return None if volts is None or amperes is None else volts * amperes


def _weighed(sensor: Sensor, whole: str | None) -> Sensor:
    """Let the rail that feeds all others count alone; where none is known to, every named rail counts."""
    if whole is not None:
        part_of = "" if sensor.name == whole else f", a part of {whole}"
        includes = _WHOLE[whole] if sensor.name == whole else f"{sensor.includes}{part_of}"
        counts = sensor.name == whole
    else:
        includes = f"{sensor.includes} alone; this board names none that feeds all others"
        counts = not sensor.name.startswith("INA")  # a monitor without a label may stand before the others
    return Sensor(name=sensor.name, kind=sensor.kind, includes=includes, read=sensor.read, counts=counts)
