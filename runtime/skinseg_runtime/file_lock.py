"""One process at a time: a lock that the system lets go when its holder dies, however it dies.

The lock is held on a file that stays; who holds it is written into the file, for messages only.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors
from skinseg_edge.errors import DeviceBusy

__all__ = ["locked", "try_to_take"]

_LONGEST_NUMBER = 20

if sys.platform == "win32":
    import msvcrt

    # Windows keeps others from reading what is locked: so a byte far behind the holder's number is.
    _LOCKED_BYTE = 1 << 30

    def _try_to_take(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_to_take(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def try_to_take(descriptor: int) -> bool:
    """Take the lock of an open file, which lasts until the file is closed; return whether it was free.

    Raises OSError on a file system without locks.
    """
    return _try_to_take(descriptor)


@contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """Hold the lock of the file at *path*, which is made with the folders above it, while the block runs.

    *doing*: what is being done, for the message, such as "build an engine of lesion.skinseg". Threads exclude each
    other as well.

    Raises DeviceBusy naming the process that holds it, at once; OutputRefused if the file cannot be made or locked.
    """
    with refusing_output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Closed when another program is started, so a child that outlives its parent holds nothing.
        # A link is refused: the lock's file is written to, and what a link of a foreign bundle names is not ours.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    try:
        with refusing_output_errors(path):
            is_ours = _try_to_take(descriptor)
        if not is_ours:
            raise DeviceBusy(
                f"cannot {doing}: {_holder(descriptor)} is at it already; wait until it is done, or end it"
            )
        with _named(descriptor):
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _named(descriptor: int) -> Iterator[None]:
    """Say in the file who holds the lock, and let it go at the end."""
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its name
            _write(descriptor, str(os.getpid()))
        yield
    finally:
        with contextlib.suppress(OSError):
            _write(descriptor, "")
        _let_go(descriptor)


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, text.encode())


def _holder(descriptor: int) -> str:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        number = os.read(descriptor, _LONGEST_NUMBER).decode("ascii", "replace").strip()
    except OSError:
        number = ""
    return f"process {number}" if number.isdigit() else "another process"
