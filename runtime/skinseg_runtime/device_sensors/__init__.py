"""What a machine tells about itself while it works: power, energy, temperature, clocks, and whether it is held back."""

from skinseg_runtime.device_sensors.discovery import find_sensors
from skinseg_runtime.device_sensors.figures import Meter, Spread
from skinseg_runtime.device_sensors.observation import Observation
from skinseg_runtime.device_sensors.power_mode import power_mode
from skinseg_runtime.device_sensors.sensor import Sensor, Sensors, Unread
from skinseg_runtime.device_sensors.watch import Watch, idle_watts

__all__ = [
    "Meter",
    "Observation",
    "Sensor",
    "Sensors",
    "Spread",
    "Unread",
    "Watch",
    "find_sensors",
    "idle_watts",
    "power_mode",
]
