"""The hidden files that a video run writes, and what becomes of those that a killed run has left.

A run holds a lock on each of its own; the system lets go of it when the run dies, however it dies.
"""

import contextlib
import logging
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from skinseg_runtime.file_lock import try_to_take
from skinseg_runtime.video.capture import quiet

__all__ = ["HalfFile", "swept"]

_NAME = re.compile(r"\.skinseg-video-[0-9a-f]{16}\.part(?P<suffix>(\.[a-z0-9]{3})?)")

_log = logging.getLogger(__name__)


class HalfFile:
    """A new, empty file in *folder*, which is there; *suffix*: what its name ends with, such as ".mp4".

    *path*: its hidden name. Raises OSError if it cannot be made.
    """

    def __init__(self, folder: Path, suffix: str = "") -> None:
        while True:
            self.path = folder / f".skinseg-video-{secrets.token_hex(8)}.part{suffix}"
            self._descriptor: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            if self._is_held():
                return
            self._let_go()  # somebody swept it away before it was held

    def publish(self, target: Path) -> None:
        """Give it its name; Raises OSError."""
        self._let_go()
        self.path.replace(target)

    def discard(self) -> None:
        """Remove it where it was not published; a second call does nothing."""
        self._let_go()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _is_held(self) -> bool:
        assert self._descriptor is not None
        if sys.platform == "win32":  # which renames no file that is open, and keeps others from doing so
            self._let_go()
            return True
        try:
            return try_to_take(self._descriptor) and self.path.exists()
        except OSError:  # a file system without locks, on which nothing is swept either
            return True

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def swept(folder: Path) -> list[Path]:
    """Take away what killed runs have left in *folder*, and return what of it can be used, under names of its own.

    Rows become `frames-cut-off-*.jsonl`, a recording that plays `cut-off-*.avi` or the like; the rest is removed. What
    another run still writes stays, and on Windows and on file systems without locks everything does.
    """
    kept: list[Path] = []
    for path in sorted(folder.glob(".skinseg-video-*")):
        named = _NAME.fullmatch(path.name)
        with contextlib.suppress(OSError), _held(path) as is_ours:
            if named is not None and is_ours:
                kept += _put_away(path, named["suffix"])
    return kept


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    if sys.platform == "win32":
        yield False
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield stat.S_ISREG(os.fstat(descriptor).st_mode) and try_to_take(descriptor)
    finally:
        os.close(descriptor)


def _put_away(path: Path, suffix: str) -> list[Path]:
    is_of_use = _plays(path) if suffix else path.stat().st_size > 0
    if not is_of_use:
        path.unlink()
        _log.info("removed %s, which a killed run has left", path)
        return []
    name = f"cut-off-{secrets.token_hex(4)}{suffix}" if suffix else f"frames-cut-off-{secrets.token_hex(4)}.jsonl"
    return [path.rename(path.with_name(name))]


def _plays(path: Path) -> bool:
    with quiet():
        reader = cv2.VideoCapture(str(path))
        try:
            return reader.isOpened() and reader.grab()
        finally:
            reader.release()
