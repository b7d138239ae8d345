"""The power mode that a Jetson is set to; it decides clocks and cores, so times compare at one mode alone."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from skinseg_runtime.device_sensors.sensor import text_in
from skinseg_runtime.program_output import program_output

__all__ = ["NVPMODEL", "power_mode"]

# Not looked up in PATH: a service's has no sbin, and what is run should be the system's own.
NVPMODEL = "/usr/sbin/nvpmodel"
_TOLD = re.compile(r"NV Power Mode:\s*(\S+)")
_KEPT = re.compile(r"pmode:(\d+)")
_NAMED = r"<\s*POWER_MODEL\s+ID={number}\s+NAME=(\S+)"
_PATIENCE_S = 10.0


def _output(command: Sequence[str]) -> str | None:
    return program_output(command, patience_s=_PATIENCE_S)


def power_mode(root: Path = Path("/"), output: Callable[[Sequence[str]], str | None] = _output) -> str | None:
    """Return the mode's name such as "15W", or its number where nothing names it; None where nothing tells it.

    *root*: where `/usr`, `/var` and `/etc` are looked for. *output*: runs a program and returns its stdout.
    """
    if (root / NVPMODEL.lstrip("/")).exists() and (told := _TOLD.search(output([NVPMODEL, "-q"]) or "")):
        return told[1]
    kept = _KEPT.search(text_in(root / "var/lib/nvpmodel/status"))
    if kept is None:
        return None
    number = int(kept[1])
    named = re.search(_NAMED.format(number=number), text_in(root / "etc/nvpmodel.conf"))
    return named[1] if named else str(number)
