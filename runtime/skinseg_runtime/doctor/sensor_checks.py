"""What this machine tells of itself while something is timed."""

from skinseg_runtime.device_sensors import Sensors, find_sensors
from skinseg_runtime.doctor.finding import Finding, ok, warn
from skinseg_runtime.doctor.host import Host

__all__ = ["sensors"]


def sensors(host: Host) -> Finding:
    """Tell what skinseg-bench can read here, and what it could read after one command."""
    found = find_sensors(host.root)
    readable = _words(found)
    told = f"skinseg-bench reads {', '.join(readable)}" if readable else "nothing here that skinseg-bench could read"
    closed = next((unread for unread in found.unread if unread.remedy), None)
    if closed is not None and closed.remedy is not None:
        return warn("sensors", f"{told}; not {closed.what}: {closed.why}", closed.remedy)
    lack = [unread.what for unread in found.unread]
    return ok("sensors", f"{told}; no {', no '.join(lack)}" if lack and readable else told)


def _words(found: Sensors) -> list[str]:
    meters = dict.fromkeys(sensor.name for sensor in found.of("power_w", "energy_j"))
    words = [f"energy of {', '.join(meters)}"] if meters else []
    zones = len(found.of("temperature_c"))
    words += [f"{zones} temperature{'s' if zones > 1 else ''}"] if zones else []
    words += ["throttling"] if found.of("throttle_flag", "throttle_s", "throttle_events") else []
    return words + (["clocks"] if found.of("clock_mhz") else [])
