"""The masks of an archive as files: where each lies, written whole, and known to be on the disk before its row is."""

import hashlib
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from skinseg_edge.atomic_files import refusing_output_errors, sync_names

__all__ = ["MASKS", "MaskFiles", "mask_path"]

MASKS = "masks"

_SUFFIX = ".mask.png"
_AT_ONCE = 8  # a disk writes together what is asked for together
# What Windows takes for a device or cannot store; an archive made here should be copied there.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
_NOT_IN_NAMES = frozenset('<>:"|?*')


def mask_path(name: str, *, folds_case: bool) -> str:
    """Return where the mask of the picture *name* lies, relative to the output folder, "/"-separated.

    *name*: see `items.safe_name`. *folds_case*: the file system takes "A" for "a". Names that a file system might
    take for another one's, or refuse, are replaced by their SHA-256; so no two pictures share a path.

    >>> mask_path("visit/mole.jpg", folds_case=False)
    'masks/visit/mole.jpg.mask.png'
    """
    if _is_plain(name) and (name == _folded(name) or not folds_case):
        return f"{MASKS}/{name}{_SUFFIX}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{MASKS}/~/{digest[:2]}/{digest}{_SUFFIX}"


class MaskFiles:
    """The masks below the folder *output*; files in the making lie in *working*, on the same file system."""

    def __init__(self, output: Path, working: Path) -> None:
        self._output = output
        self._working = working
        self._folds_case = _folds_case(working)
        self._unsynced: list[Path] = []
        self._folders: set[Path] = set()

    def path_of(self, name: str) -> str:
        """Return where the mask of a picture lies, relative to the output folder."""
        return mask_path(name, folds_case=self._folds_case)

    def is_whole(self, name: str, size: int) -> bool:
        """Answer whether the mask of a picture is there with so many bytes."""
        path = self._output / self.path_of(name)
        try:
            return not path.is_symlink() and path.is_file() and path.stat().st_size == size
        except OSError:
            return False

    def write(self, name: str, png: bytes) -> str:
        """Write the mask of a picture, whole or not at all, and return its path; `sync` puts it on the disk.

        Raises OutputRefused if the system refuses.
        """
        relative = self.path_of(name)
        target = self._output / relative
        temporary = self._working / f"{secrets.token_hex(8)}.part"
        with refusing_output_errors(target):
            if target.parent not in self._folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(target.parent)
            try:
                temporary.write_bytes(png)
                temporary.replace(target)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
        self._unsynced.append(target)
        return relative

    def remove(self, name: str) -> None:
        """Take the mask of a picture away, if there is one, and its folder if that is then empty."""
        path = self._output / self.path_of(name)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._output:
                return
            self._folders.discard(folder)
            try:
                folder.rmdir()
            except OSError:  # it holds other masks, as it should
                return

    def sync(self) -> None:
        """Put every mask that was written on the disk, so that a power cut after this takes none.

        Raises OutputRefused if the disk refuses.
        """
        folders = {path.parent for path in self._unsynced}
        with refusing_output_errors(self._output / MASKS):
            _each(_sync, self._unsynced)
            _each(sync_names, sorted(folders))
        self._unsynced.clear()


def _each(work: Callable[[Path], None], paths: list[Path]) -> None:
    if len(paths) < 2:
        for path in paths:
            work(path)
        return
    with ThreadPoolExecutor(min(_AT_ONCE, len(paths)), thread_name_prefix="masks") as threads:
        list(threads.map(work, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return parts[0] != "~" and all(_is_plain_part(part) for part in parts)


def _is_plain_part(part: str) -> bool:
    lower = part.lower()
    return (
        part not in ("", ".", "..")
        and part[-1] not in ". "
        and "\\" not in part
        and part.isprintable()
        and _NOT_IN_NAMES.isdisjoint(part)
        and lower.split(".")[0] not in _DEVICES
        # A folder of that name would stand where the mask of another picture goes.
        and not lower.endswith(_SUFFIX)
    )


def _folded(name: str) -> str:
    """Return *name* if it is the only one of those that a file system may take for it: small letters, no accents."""
    return name.lower() if name.isascii() else ""


def _folds_case(folder: Path) -> bool:
    probe = folder / f"{secrets.token_hex(8)}.a"
    with refusing_output_errors(folder):
        probe.touch()
        try:
            return probe.with_suffix(".A").exists()
        finally:
            probe.unlink()
