"""All sensors of this machine, whatever kind it is."""

from pathlib import Path

from skinseg_runtime.device_sensors.board_memory import board_memory
from skinseg_runtime.device_sensors.clocks import clocks
from skinseg_runtime.device_sensors.heat import heat
from skinseg_runtime.device_sensors.jetson_rails import rails
from skinseg_runtime.device_sensors.nvml import nvml
from skinseg_runtime.device_sensors.rapl import rapl
from skinseg_runtime.device_sensors.sensor import Kind, Sensors, Unread

__all__ = ["find_sensors"]

_KINDS: dict[str, tuple[Kind, ...]] = {
    "temperature": ("temperature_c",),
    "throttling": ("throttle_flag", "throttle_s", "throttle_events"),
    "clocks": ("clock_mhz",),
}


def find_sensors(root: Path = Path("/")) -> Sensors:
    """Look at everything that could tell power, energy, temperature, clocks or throttling; change nothing.

    *root*: where `/sys` and `/dev` are looked for.
    """
    found = Sensors.joined([rails(root), rapl(root), nvml(root), heat(root), clocks(root), board_memory(root)])
    # What the processor's side lacks, the card may have told.
    kept = tuple(unread for unread in found.unread if not found.of(*_KINDS.get(unread.what, ())))
    if not found.measures_energy and not any("energy" in unread.what for unread in kept):
        kept = (*kept, Unread("energy", "no rail, card or counter of energy is to be read here"))
    return Sensors(found.found, kept)
