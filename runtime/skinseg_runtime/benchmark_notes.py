"""What each figure of skinseg-bench includes: the same sentences in the JSON document and below the page."""

from skinseg_runtime.benchmark import Measured
from skinseg_runtime.device_sensors.watch import INTERVAL_S

__all__ = ["NOTES", "doubts"]

# By the name that a figure has in the JSON document.
NOTES: dict[str, str] = {
    "latency": "p50, p90 and p99: half, 90 % and 99 % of the timed photos took at most so long; below 100 photos p99 "
    "is close to the slowest. Each photo goes alone, one after the other.",
    "decode": "from the photo's bytes, or its file, to pixels: reading, checks, JPEG decoding at the least scale that "
    "suffices, EXIF orientation.",
    "preprocess": "from pixels to the network's input: one resize, padding, one copy.",
    "inference": "the network alone, from its input in memory to its answer in memory; on a GPU with both copies and "
    "the wait for its turn.",
    "postprocess": "from the answer to the mask at the photo's own size, with each lesion's outline and measurements.",
    "whole": "a clock around all four, so also what lies between them; without loading, drawing or writing a file.",
    "load_s": "from the bundle's folder to a network that is ready: hashes, the engine's library, the network; without "
    "starting Python.",
    "memory_mib": "the most that the process held by the end of the timed photos: Python, libraries, network, photos; "
    "memory that CUDA took, on a card or on a Jetson's board, is not in it: see sensors.memory_mib.",
    "steady_memory_mib": "what the process held at the end of the timed photos, counted the same way.",
    "warm_up": "photos before the timed ones; `settled` tells whether the median time in the network then lay within "
    "5 % of the five runs before, null if their number was asked for; first_ms is the whole of the very first.",
    "drift": "median time in the network of the last third of the timed photos over the first third; 1 is steady.",
    "mj_per_photo": "energy while the timed photos ran, over their number: the sources whose `counts` is true, with "
    "what the machine draws at rest and whatever else runs on it. A rail's power is read "
    f"{1 / INTERVAL_S:.0f} times a second by a thread of the same process and joined by the trapezoid rule; a counter "
    "is read as it counts.",
    "above_idle_mj_per_photo": "the same less what the machine drew in one second before the network was loaded.",
    "power_w": "least, mean and most of the samples, W.",
    "temperature_c": "least, mean and most of the samples while the timed photos ran, degrees Celsius.",
    "clock_mhz": "least, mean and most of the samples, MHz; highest is what the clock may reach.",
    "sensors.memory_mib": "memory in use on the card, or on a Jetson's board, by all processes, MiB.",
    "throttled_s": "how long each reason held the machine back while the timed photos ran, s: a counter's gain, or the "
    "samples in which a flag was set. 0 was looked at and did not happen.",
    "throttled_for_s": "the longest of those reasons, so the least time that the machine was held back.",
    "events": "how often, where the machine counts times and no durations.",
    "unread": "what could not be read, and why: such a figure is missing, never zero.",
    "golden_dice": "overlap with the masks in the bundle, measured here, after the timing; 1 is the same mask.",
    "gate_mean_dice": "mean overlap with the trained network's masks when the form was accepted, as the manifest says.",
    "size_bytes": "the artefact's own files in the bundle.",
}

_DRIFTS_BEYOND = 1.1


def doubts(measured: Measured) -> list[str]:
    """Return in words what speaks against these times standing for the machine's steady state."""
    found = []
    if measured.warm_up is not None and measured.warm_up.settled is False:
        found.append(f"the time in the network had not settled after {measured.warm_up.runs} photos")
    if measured.drift is not None and measured.drift > _DRIFTS_BEYOND:
        found.append(f"the network took {measured.drift:.2f} times as long at the end as at the beginning")
    held = measured.observed.throttled_s if measured.observed else {}
    reasons = [f"{name} for {seconds:.1f} s" for name, seconds in held.items() if seconds > 0]
    if reasons:
        found.append(f"the machine was held back: {', '.join(reasons)}")
    return found
