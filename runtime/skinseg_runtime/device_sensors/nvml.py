"""The one room of NVML: energy, power, clock, temperature and the reasons for low clocks of an NVIDIA card.

NVML comes with the driver; Python reaches it through the optional package nvidia-ml-py. A card that does not tell a
figure has none here. Source: NVIDIA, NVML API reference guide.
"""

import importlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from skinseg_runtime.cuda_memory import has_nvidia_gpu
from skinseg_runtime.device_sensors.sensor import Kind, Sensor, Sensors, Unread
from skinseg_runtime.jetpack import read_jetpack

__all__ = ["INSTALL_NVML", "nvml"]

INSTALL_NVML = "pip install nvidia-ml-py"

_WHAT = "the NVIDIA card"
_FROM_MILLI = 1e-3
_BYTES_PER_MIB = 1 << 20
# Of nvmlClocksThrottleReasons; what is left out (idle, a clock that somebody set) holds nobody back.
_REASONS = {
    "power limit": 0x4,
    "hardware slowdown": 0x8,
    "heat, told by the driver": 0x20,
    "heat, told by the card": 0x40,
    "power brake": 0x80,
}


def nvml(root: Path = Path("/")) -> Sensors:
    """Return what the one card tells that this process uses; on a Jetson nothing, for it has its own sensors.

    *root*: where `/dev` is looked for.
    """
    if not has_nvidia_gpu(root) or read_jetpack(root) is not None:
        return Sensors()
    try:
        library = importlib.import_module("pynvml")
    except ImportError:
        return _none("nvidia-ml-py is not installed", INSTALL_NVML)
    try:
        library.nvmlInit()
        handle = _card(library)
    except library.NVMLError as error:
        return _none(f"NVML says '{error}'", "nvidia-smi  # tells whether driver and card answer")
    if handle is None:
        return _none(
            "there are several, and NVML cannot tell which one is used",
            "nvidia-smi -L  # then set CUDA_VISIBLE_DEVICES to the GPU-... of one",
        )
    return Sensors(tuple(_sensors(library, handle)))


def _none(why: str, remedy: str) -> Sensors:
    return Sensors((), (Unread(_WHAT, why, remedy),))


def _card(library: ModuleType) -> object | None:
    """Return the handle of the only card, or of the one that CUDA_VISIBLE_DEVICES names by its unique number."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if named.startswith("GPU-"):
        return _object(library.nvmlDeviceGetHandleByUUID(named))
    return _object(library.nvmlDeviceGetHandleByIndex(0)) if library.nvmlDeviceGetCount() == 1 else None


def _object(handle: Any) -> object:
    return handle


def _sensors(library: ModuleType, handle: object) -> list[Sensor]:
    """Return those that answer now."""
    card = "the card: chip, memory and its supply; not the computer around it"
    ask: dict[tuple[str, Kind, str], Callable[[], float | None]] = {
        ("GPU", "energy_j", card): partial(_asked, library, "nvmlDeviceGetTotalEnergyConsumption", handle),
        ("GPU", "power_w", card): partial(_asked, library, "nvmlDeviceGetPowerUsage", handle),
        ("GPU", "temperature_c", "the card's chip"): partial(_asked, library, "nvmlDeviceGetTemperature", handle, 0),
        ("GPU", "clock_mhz", "the GPU's clock, busy or not"): partial(
            _asked, library, "nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_SM
        ),
        ("GPU", "memory_mib", "memory in use on the card, by all processes"): partial(_memory_mib, library, handle),
    }
    found = [
        Sensor(
            name=name,
            kind=kind,
            includes=includes,
            read=read,
            counts=kind in ("energy_j", "power_w"),
            highest=_highest(library, handle) if kind == "clock_mhz" else None,
        )
        for (name, kind, includes), read in ask.items()
        if read() is not None
    ]
    return found + _reasons(library, handle)


def _asked(library: ModuleType, function: str, *arguments: object) -> float | None:
    """Ask for one figure; energy and power come in thousandths."""
    try:
        value = float(getattr(library, function)(*arguments))
    except library.NVMLError:
        return None
    return value * _FROM_MILLI if function.endswith(("EnergyConsumption", "PowerUsage")) else value


def _memory_mib(library: ModuleType, handle: object) -> float | None:
    try:
        return float(library.nvmlDeviceGetMemoryInfo(handle).used) / _BYTES_PER_MIB
    except library.NVMLError:
        return None


def _highest(library: ModuleType, handle: object) -> float | None:
    return _asked(library, "nvmlDeviceGetMaxClockInfo", handle, library.NVML_CLOCK_SM)


def _reasons(library: ModuleType, handle: object) -> list[Sensor]:
    # Named so since driver 535; the older name goes when nvidia-ml-py drops it.
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    for function in (name for name in names if hasattr(library, name)):
        if _asked(library, function, handle) is not None:
            return [
                Sensor(
                    name=f"GPU: {name}",
                    kind="throttle_flag",
                    includes=f"the driver tells {name} as a reason for a lower clock, by samples",
                    read=partial(_has, library, function, handle, bit),
                )
                for name, bit in _REASONS.items()
            ]
    return []


def _has(library: ModuleType, function: str, handle: object, bit: int) -> float | None:
    reasons = _asked(library, function, handle)
    return None if reasons is None else float(bool(int(reasons) & bit))
