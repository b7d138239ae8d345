"""What builds learned about the kernels of this device: TensorRT's timing cache, one file per device and version.

With it a second build takes a fraction of the time and picks the same kernels. It steers which native code an engine
gets, so it is sealed with this device's key, and a file that is damaged or foreign counts as missing.
"""

import logging
from pathlib import Path

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import OutputRefused
from skinseg_runtime.engine_files.device_key import opened, sealed_bytes
from skinseg_runtime.engine_files.state_folder import make_state_folder, state_folder
from skinseg_runtime.this_device import Device

__all__ = ["keep_timing_cache", "known_timings", "timing_cache_path"]

_log = logging.getLogger(__name__)


def timing_cache_path(device: Device) -> Path:
    """Return where the cache of *device* lies; its name holds TensorRT's version, so that another begins anew."""
    return state_folder() / "timing" / f"{device.key}.cache"


def known_timings(device: Device) -> bytes | None:
    """Return what earlier builds on *device* learned, None where there is nothing that this device sealed.

    Raises InputError if this device's key must not be used, as when others may read it.
    """
    path = timing_cache_path(device)
    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.info("the timing cache %s cannot be read (%s): this build times every kernel anew", path, error.strerror)
        return None
    timings = opened(blob, purpose=_purpose(device))
    if timings is None:
        _log.info("the timing cache %s is damaged or foreign: this build times every kernel anew", path)
    return timings


def keep_timing_cache(device: Device, timings: bytes) -> None:
    """Keep what a build on *device* learned; the next one is slower, and not wrong, where that cannot be written.

    Raises InputError if this device's key must not be used, as when others may read it.
    """
    path = timing_cache_path(device)
    try:
        make_state_folder()
        write_bytes_atomically(path, sealed_bytes(timings, purpose=_purpose(device)), mode=0o600)
    except OutputRefused as refusal:
        _log.warning("the timing cache is not kept, so the next build takes as long: %s", refusal)


def _purpose(device: Device) -> str:
    return f"timing cache of {device.key}"
