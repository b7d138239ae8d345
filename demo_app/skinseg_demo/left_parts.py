"""What a killed process has left beside the files that it wrote elsewhere: whole cases may be in it.

On the box itself the store sweeps at its start. A stick or a receiver's folder may be written by several boxes at once,
so there only what nobody touched for a day goes.
"""

import contextlib
import re
import stat
import time
from pathlib import Path

__all__ = ["remove_left_parts"]

_NAME = re.compile(r"\.skinseg-[0-9a-f]{16}\.(part|sqlite)")
_OLD_S = 86_400.0


def remove_left_parts(folder: Path) -> None:
    """Remove the files in *folder* that are half written and a day old; what cannot be looked at or removed stays."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                _remove_if_old(path)


def _remove_if_old(path: Path) -> None:
    with contextlib.suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > _OLD_S:
            path.unlink()
