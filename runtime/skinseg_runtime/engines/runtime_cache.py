"""What TensorRT-RTX compiled for this GPU, kept between runs of the program so that the next start is quick.

It is native code, so it is sealed with this device's key, and what this device did not seal counts as missing.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from skinseg_edge.atomic_files import write_bytes_atomically
from skinseg_edge.errors import SkinsegError
from skinseg_runtime.engine_files.device_key import opened, sealed_bytes

__all__ = ["RuntimeCacheFile"]

_log = logging.getLogger(__name__)

_PURPOSE = "rtx-cache"  # a seal for one purpose holds for no other
_SEAL, _UNSEAL = partial(sealed_bytes, purpose=_PURPOSE), partial(opened, purpose=_PURPOSE)


class RuntimeCacheFile:
    """A cache in the file *path*; *seal* and *unseal*: what makes and opens sealed bytes, None for foreign ones."""

    def __init__(
        self,
        path: Path,
        seal: Callable[[bytes], bytes] = _SEAL,
        unseal: Callable[[bytes], bytes | None] = _UNSEAL,
    ) -> None:
        self.path = path
        self._seal = seal
        self._unseal = unseal

    def read(self) -> bytes | None:
        """Return what was written; None if there is nothing, or it is damaged or of another device."""
        try:
            data = self._unseal(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, SkinsegError) as error:
            _log.warning("the cache %s cannot be read and counts as missing: %s", self.path, error)
            return None
        if data is None:
            _log.warning("the cache %s is damaged or of another device; it is made again", self.path)
        return data

    def write(self, data: bytes) -> None:
        """Write; a cache that cannot be written costs the next start its time and nothing else, so that is logged."""
        try:
            write_bytes_atomically(self.path, self._seal(data), mode=0o600)
        except SkinsegError as error:
            _log.warning("the cache of TensorRT-RTX is not kept, so the next start takes as long again: %s", error)
