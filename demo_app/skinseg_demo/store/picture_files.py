"""Pictures on the disk: a folder each, which appears whole or not at all, and before its row does.

    pictures/<id>/original.<ext>  as received, less what tells where and with which camera
    pictures/<id>/working.jpg     upright, for screens
    pictures/<id>/mask.png        as large as the photo
    pictures/<id>/overlay.jpg     for reports, where one was made

A folder is filled under a name with a dot, put on the disk, and renamed. What a killed process left behind has such a
name or no row, and is swept away at the next start.
"""

import errno
import logging
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from skinseg_demo.config import make_private_folder
from skinseg_edge.atomic_files import sync_names, write_and_sync, write_bytes_atomically
from skinseg_edge.errors import DeviceUnready, OutputRefused

__all__ = ["MEMBER", "PictureFiles", "refusing_disk", "remove_anything"]

MEMBER = re.compile(r"[a-z2-7]{12}/(original\.[a-z]{3,4}|working\.jpg|mask\.png|overlay\.jpg)")

_log = logging.getLogger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class PictureFiles:
    """The folder `pictures` of a store."""

    def __init__(self, folder: Path) -> None:
        """Keep them in *folder*, which is made where it is missing.

        Raises OutputRefused if that fails.
        """
        self.folder = make_private_folder(folder)

    def write(self, picture_id: str, contents: Mapping[str, bytes]) -> None:
        """Write a picture's folder; it is on the disk, under its name, when this returns.

        Raises DeviceUnready if the disk is full or refuses; nothing is left then.
        """
        temporary = self.folder / f".part-{picture_id}"
        try:
            with refusing_disk("keep the picture"):
                temporary.mkdir(mode=0o700)
                for name, data in contents.items():
                    write_and_sync(temporary / name, data, 0o600)
                sync_names(temporary)
                temporary.rename(self.folder / picture_id)
                sync_names(self.folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            self.remove(picture_id)
            raise

    def add(self, picture_id: str, name: str, data: bytes) -> None:
        """Put one more file into a picture's folder, or replace it.

        Raises DeviceUnready if the disk is full or refuses.
        """
        with refusing_disk("keep the picture"):
            try:
                write_bytes_atomically(self.folder / picture_id / name, data, mode=0o600)
            except OutputRefused as error:
                raise DeviceUnready(str(error)) from error

    def names(self, picture_id: str) -> list[str]:
        """Return the names of a picture's files, sorted."""
        found = (self.folder / picture_id).iterdir()
        return sorted(path.name for path in found if MEMBER.fullmatch(f"{picture_id}/{path.name}"))

    def remove(self, picture_id: str) -> None:
        """Remove a picture's folder; what cannot be removed now is swept away at the next start."""
        gone = self.folder / f".gone-{picture_id}"
        try:
            (self.folder / picture_id).rename(gone)  # all of it vanishes at once
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("a picture's folder could not be removed: %s", error.strerror)
            return
        shutil.rmtree(gone, ignore_errors=True)

    def sweep(self, known: Collection[str]) -> int:
        """Remove every folder that is half written or not of a *known* picture; return how many there were.

        Only while nobody else has the store open.
        """
        strange = [path for path in self.folder.iterdir() if path.name not in known]
        for path in strange:
            remove_anything(path)
        return len(strange)


def remove_anything(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; where a link leads stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def refusing_disk(what: str) -> Iterator[None]:
    """Turn what the system says while the box does *what* into one sentence.

    Raises DeviceUnready if the block raises OSError: the request was right, and may be repeated.
    """
    try:
        yield
    except OSError as error:
        mend = "free some space" if error.errno in _FULL else "look at the disk"
        reason = "the disk is full" if error.errno in _FULL else f"the disk refused ({error.strerror or error})"
        raise DeviceUnready(f"cannot {what}: {reason}, so nothing was kept; {mend} and try again") from error
