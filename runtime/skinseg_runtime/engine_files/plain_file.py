"""Files that another may have put there: read only if they are plain files, and no further than a limit."""

import os
import stat
from pathlib import Path

from skinseg_edge.errors import EngineUnusable, FileMissing

__all__ = ["read_plain"]


def read_plain(path: Path, limit: int) -> bytes:
    """Return the bytes of a file.

    *limit*: the most bytes it may have.

    Raises FileMissing if nothing is there, EngineUnusable if it is a link or no plain file, larger than the limit, or
    the system refuses.
    """
    # Without O_NONBLOCK, opening a pipe would wait for its writer for ever.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise EngineUnusable(f"cannot read {path}: it is no plain file; remove it and run skinseg-build again")
            data = stream.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileMissing(f"cannot read {path}: nothing is there; run skinseg-build again") from error
    except OSError as error:
        raise EngineUnusable(
            f"cannot read {path}: the system says '{error.strerror}', expected a plain file that this user may read; "
            "check its permissions or run skinseg-build again"
        ) from error
    if len(data) > limit:
        raise EngineUnusable(f"cannot read {path}: it has more than {limit} bytes; run skinseg-build again")
    return data
