"""The clocks of the processor's cores and of a Jetson's GPU, now and at most."""

from functools import partial
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, Unread, number_in

__all__ = ["clocks"]

_FROM_KILO = 1e-3  # kHz to MHz
_FROM_HERTZ = 1e-6


def clocks(root: Path = Path("/")) -> Sensors:
    """Return one sensor a group of cores that share a clock, and one for the GPU.

    *root*: where `/sys` is looked for.
    """
    found = (*_groups_of_cores(root), *_gpus(root))
    return Sensors(found, () if found else (Unread("clocks", "this system shows no clock that can be read"),))


def _groups_of_cores(root: Path) -> list[Sensor]:
    folders = sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy[0-9]*"))
    return [
        Sensor(
            name=f"cores from {folder.name.removeprefix('policy')}",
            kind="clock_mhz",
            includes="a group of cores that share one clock, busy or not",
            read=partial(number_in, folder / "scaling_cur_freq", _FROM_KILO),
            highest=number_in(folder / "cpuinfo_max_freq", _FROM_KILO),
        )
        for folder in folders
        if (folder / "scaling_cur_freq").exists()
    ]


def _gpus(root: Path) -> list[Sensor]:
    # Orin calls it 17000000.gpu, Thor gpu-gpc-0; its gpu-nvd-0 is the video unit.
    folders = [folder for folder in sorted((root / "sys/class/devfreq").glob("*gpu*")) if "nvd" not in folder.name]
    return [
        Sensor(
            name="GPU" if len(folders) == 1 else folder.name,
            kind="clock_mhz",
            includes="the GPU's clock, busy or not",
            read=partial(number_in, folder / "cur_freq", _FROM_HERTZ),
            highest=number_in(folder / "max_freq", _FROM_HERTZ),
        )
        for folder in folders
        if (folder / "cur_freq").exists()
    ]
