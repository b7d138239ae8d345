"""What the engines of other devices in a bundle say of themselves: only to be told, for nobody vouches for it."""

from collections.abc import Iterator
from pathlib import Path

from skinseg_edge.errors import SkinsegError
from skinseg_runtime.engine_files.plain_file import read_plain
from skinseg_runtime.engine_files.sidecar import SIDECAR_NAME, Sidecar
from skinseg_runtime.this_device import Device

__all__ = ["engines_of_other_devices"]

_LARGEST_SIDECAR = 1 << 20  # bytes
_MOST = 64  # engines that are looked at; a bundle that went round many boards shall not slow the start


def engines_of_other_devices(engines: Path, precision: str) -> list[Device]:
    """Return for which devices the folder *engines* of a bundle holds engines in *precision*; none if it is missing."""
    devices = []
    for path in sorted(_sidecars(engines, precision))[:_MOST]:
        try:
            devices.append(Sidecar.from_bytes(read_plain(path, _LARGEST_SIDECAR)).device)
        except SkinsegError:  # damaged or another version's: it tells nothing
            continue
    return devices


def _sidecars(engines: Path, precision: str) -> Iterator[Path]:
    try:
        yield from engines.glob(f"*/{precision}-*/{SIDECAR_NAME}")
    except OSError:
        return
