"""A lock on the store's folder: shared by all who have it open, held alone by whoever sweeps it or restores into it."""

import fcntl
import os
from pathlib import Path

__all__ = ["StoreLock"]


class StoreLock:
    """The lock, held until `close` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Take it in *folder*, alone if nobody else has the store open; `is_alone` tells."""
        self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_alone = True
        except BlockingIOError:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            self.is_alone = False

    def share(self) -> None:
        """Let others open the store."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        self.is_alone = False

    def close(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
