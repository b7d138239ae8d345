"""What a fake device is like: read from the environment variable FAKE_DEVICE, so that children see the same one."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["VARIABLE", "Settings", "settings_from"]

VARIABLE = "FAKE_DEVICE"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A Jetson Orin of 8 GB unless something else is said.

    *tensorrt*, *rtx*: versions. *compute_capability*: two numbers. *memory*, *free*: bytes. *cuda*, *driver*: such as
    12060; a *driver* of 0 is no driver at all, and *devices* 0 no GPU. *old_bindings*: without a driver
    `cuda.bindings` raises RuntimeError as 12.8.0 does, and gives no error code as 12.9.10 and 13.5.0 do.

    *fault*: {"call", "after", "code", "times"}: the call of this name fails with *code* once *after* calls went well;
    "kernel" is the work of an engine on the GPU. *capture_fails*: no stream can be captured. *builder*: "seconds",
    "kill_after_phase", "refuse", "returns_none", "unsupported" (operators). *engine*: "flip", "noise",
    "context_none". *missing*: packages that are not installed.
    """

    tensorrt: str = "10.3.0"
    rtx: str = "1.7.1.116"
    gpu: str = "fake Orin"
    compute_capability: tuple[int, int] = (8, 7)
    integrated: bool = True
    can_map_host: bool = True
    memory: int = 8 << 30
    free: int | None = None
    cuda: int = 12060
    driver: int = 12060
    devices: int = 1
    dla_cores: int = 2
    builder: Mapping[str, Any] = field(default_factory=dict)
    engine: Mapping[str, Any] = field(default_factory=dict)
    fault: Mapping[str, Any] = field(default_factory=dict)
    deserialize_returns_none: bool = False
    capture_fails: bool = False
    old_bindings: bool = False
    missing: tuple[str, ...] = ()


def settings_from(text: str | None = None) -> Settings:
    """Read settings from JSON, by default the environment's; unknown names are a TypeError."""
    given = json.loads(text if text is not None else os.environ.get(VARIABLE, "{}"))
    for name in ("compute_capability", "missing"):
        if name in given:
            given[name] = tuple(given[name])
    return Settings(**given)
